/** The engine of the page that is one file: the network in a worker, and no server. */

import type { Engine, Gradients, Tensor } from "../engine";
import type { Network } from "../network";
import type { Method, Questions, Reply } from "./messages";
import { bytesOfBase64 } from "./packing";

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export class LocalEngine implements Engine {
  private readonly waiting = new Map<number, Waiting>();
  private asked = 0;

  private constructor(
    readonly network: Network,
    private readonly worker: Worker,
  ) {
    worker.onmessage = ({ data }: MessageEvent<Reply>) => this.settle(data);
    worker.onerror = (event) => {
      const error = new Error(`The page cannot compute: ${event.message || "its worker failed"}.`);
      for (const { reject } of this.waiting.values()) reject(error);
      this.waiting.clear();
    };
  }

  /**
   * Start a worker and give it the network.
   *
   * `workerSource` is the text of `worker.js`: a page that was opened from a file may start a worker
   * from its own text alone. `packed` are the compressed weights, or their base64.
   */
  static async open(
    network: Network, packed: Uint8Array<ArrayBuffer> | string, workerSource: string,
  ): Promise<LocalEngine> {
    const address = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
    const engine = new LocalEngine(network, new Worker(address));
    const bytes = typeof packed === "string" ? bytesOfBase64(packed) : packed;
    await engine.ask("open", network, bytes);
    URL.revokeObjectURL(address);
    return engine;
  }

  forward(input: Tensor): Promise<Record<string, Tensor>> {
    return this.ask("forward", input);
  }

  backward(input: Tensor, label: number): Promise<Gradients> {
    return this.ask("backward", input, label);
  }

  scoreGradients(input: Tensor, classIndex: number): Promise<Record<string, Tensor>> {
    return this.ask("scoreGradients", input, classIndex);
  }

  weight(layer: string, index: number): Promise<Tensor> {
    return this.ask("weight", layer, index);
  }

  async setWeight(layer: string, index: number, data: Float32Array): Promise<void> {
    await this.ask("setWeight", layer, index, data);
  }

  async reset(): Promise<void> {
    await this.ask("reset");
  }

  /** Stop the worker, and with it what it still computes. */
  close(): void {
    this.worker.terminate();
  }

  private ask<M extends Method>(
    method: M, ...parameters: Questions[M]["parameters"]
  ): Promise<Questions[M]["answer"]> {
    const id = this.asked++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
      this.worker.postMessage({ id, method, parameters });
    });
  }

  private settle(reply: Reply): void {
    const waiting = this.waiting.get(reply.id);
    if (waiting === undefined) return;
    this.waiting.delete(reply.id);
    if ("error" in reply) waiting.reject(new Error(reply.error));
    else waiting.resolve(reply.answer);
  }
}
