/** The engine behind a server: Keras computes, the page asks by fetch. */

import type { Engine, Gradients, Tensor } from "./engine";
import type { Network } from "./network";

/** How the server describes the arrays that follow in its answer. */
interface Part {
  name: string;
  shape: number[];
}

interface Header {
  loss?: number;
  maps: Part[];
  weights?: Record<string, number[][]>;
}

type Question = Record<string, string | number>;

export class RemoteEngine implements Engine {
  private constructor(readonly network: Network, private readonly prefix: string) {}

  /** Ask for the network first; the page and the server are at the same address. */
  static async open(prefix = ""): Promise<RemoteEngine> {
    const answer = await fetch(`${prefix}network.json`, { cache: "no-store" });
    if (!answer.ok) throw new Error(await sentence(answer));
    return new RemoteEngine((await answer.json()) as Network, prefix);
  }

  async forward(input: Tensor, layers?: string[]): Promise<Record<string, Tensor>> {
    const { maps } = await this.ask("forward", only(layers), input.data);
    return maps;
  }

  async backward(input: Tensor, label: number, layers?: string[]): Promise<Gradients> {
    const { header, maps, rest } = await this.ask("backward", { label, ...only(layers) }, input.data);
    const weights: Record<string, Tensor[]> = {};
    let offset = 0;
    for (const [layer, shapes] of Object.entries(header.weights ?? {})) {
      weights[layer] = shapes.map((shape) => {
        const size = sizeOf(shape);
        offset += size;
        return { shape, data: rest.slice(offset - size, offset) };
      });
    }
    return { loss: header.loss ?? NaN, maps, weights };
  }

  async scoreGradients(input: Tensor, classIndex: number, layers?: string[]): Promise<Record<string, Tensor>> {
    const { maps } = await this.ask("score-gradients", { class: classIndex, ...only(layers) }, input.data);
    return maps;
  }

  async weight(layer: string, index: number): Promise<Tensor> {
    const { maps } = await this.ask("weight", { layer, index });
    return maps["weight"]!;
  }

  async setWeight(layer: string, index: number, data: Float32Array): Promise<void> {
    await this.ask("set-weight", { layer, index }, data);
  }

  async reset(): Promise<void> {
    await this.ask("reset", {});
  }

  private async ask(what: string, question: Question, data?: Float32Array) {
    const words = new URLSearchParams(Object.entries(question).map(([name, value]) => [name, String(value)]));
    let answer: Response;
    try {
      answer = await fetch(`${this.prefix}${what}?${words}`, {
        method: "POST",
        body: (data ?? new Float32Array(0)) as Float32Array<ArrayBuffer>,
        headers: { "Content-Type": "application/octet-stream" },
      });
    } catch {
      throw new Error("the server does not answer; is `cnnkit explore` still running?");
    }
    if (!answer.ok) throw new Error(await sentence(answer));
    return unpack(await answer.arrayBuffer());
  }
}

/** An answer is the length of its header, the header as JSON, and float32 arrays one after another. */
function unpack(buffer: ArrayBuffer): { header: Header; maps: Record<string, Tensor>; rest: Float32Array } {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))) as Header;
  const values = new Float32Array(buffer, 4 + length);
  const maps: Record<string, Tensor> = {};
  let offset = 0;
  for (const { name, shape } of header.maps) {
    const size = sizeOf(shape);
    maps[name] = { shape, data: values.subarray(offset, offset + size) };
    offset += size;
  }
  return { header, maps, rest: values.subarray(offset) };
}

function only(layers?: string[]): Question {
  return layers ? { layers: JSON.stringify(layers) } : {};
}

function sizeOf(shape: number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

async function sentence(answer: Response): Promise<string> {
  const text = await answer.text();
  return text || `the server answered ${answer.status}`;
}
