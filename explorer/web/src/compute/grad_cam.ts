/** Grad-CAM (Selvaraju et al. 2017): where in its maps a layer speaks for a class. */

import type { Tensor } from "../engine";

/**
 * Maps weighed by the mean gradient of each, summed, and cut at 0.
 *
 * `gradient` is that of the class' score, of the same shape (height, width, channels) as `maps`.
 * Returns (height, width), unscaled; divide by the largest value to draw it.
 */
export function gradCam(maps: Tensor, gradient: Tensor): Tensor {
  const [height, width, channels] = maps.shape;
  const places = height * width;
  const importance = new Float64Array(channels);
  for (let n = 0; n < gradient.data.length; n++) importance[n % channels] += gradient.data[n];
  const data = new Float32Array(places);
  for (let place = 0; place < places; place++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) {
      sum += (importance[c] / places) * maps.data[place * channels + c];
    }
    data[place] = Math.max(sum, 0);
  }
  return { shape: [height, width], data };
}
