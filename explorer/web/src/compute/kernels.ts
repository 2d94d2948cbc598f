/**
 * The arithmetic of each kind of layer.
 *
 * `cnnkit.explorer.arithmetic` gives every layer an entry `arithmetic` in its configuration, one of
 * the names below; so Keras' many classes become these few.
 */

import type { Layer } from "../network";
import { activated, activationLayer } from "./activated";
import { convolution } from "./convolution";
import { dense } from "./dense";
import { depthwiseConvolution, separableConvolution } from "./depthwise";
import type { Kernel } from "./kernel";
import { concatenation, merging } from "./merging";
import { bilinearEnlargement, border, enlargement, permutation, sameValues, slicing } from "./moving";
import { batchNormalization, fixedScaling, layerNormalization } from "./normalization";
import {
  averagePooling, globalAveragePooling, globalMaxPooling, maxPooling,
} from "./pooling";
import { parametricRelu, responseNormalization } from "./channels";
import { reduction, softmaxLayer } from "./reducing";

export const KERNELS: Record<string, Kernel> = {
  activation: activationLayer,
  average_pooling: averagePooling,
  batch_normalization: batchNormalization,
  border,
  concatenation,
  convolution: activated(convolution),
  dense: activated(dense),
  depthwise_convolution: activated(depthwiseConvolution),
  enlargement,
  enlargement_bilinear: bilinearEnlargement,
  global_average_pooling: globalAveragePooling,
  global_max_pooling: globalMaxPooling,
  layer_normalization: layerNormalization,
  max_pooling: maxPooling,
  merging,
  parametric_relu: parametricRelu,
  permutation,
  reduction,
  response_normalization: responseNormalization,
  same_values: sameValues,
  scaling: fixedScaling,
  separable_convolution: activated(separableConvolution),
  slicing,
  softmax: softmaxLayer,
};

export function kernelOf(layer: Layer): Kernel {
  const kernel = KERNELS[layer.config.arithmetic as string];
  if (kernel === undefined) {
    throw new Error(`The page cannot compute layer ${layer.name}, a ${layer.kind}.`);
  }
  return kernel;
}
