/**
 * One ONNX graph with explicit state, for one sentence at a time.
 *
 * Inputs `state_0` … `state_n` and outputs `new_state_0` … `new_state_n` are the state; it is passed in and returned,
 * and a fresh one is zeros.
 */

import * as ort from "onnxruntime-web/wasm";

import { SsmphonyError } from "./types.js";

export type State = ort.Tensor[];
export type Named = Record<string, ort.Tensor>;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  bool: Uint8Array,
} as const;
type Kind = keyof typeof ARRAYS;

export class Graph {
  /** Inputs and outputs without the state, by the names that callers use. */
  readonly inputs: string[];
  readonly outputs: string[];
  readonly #session: ort.InferenceSession;
  readonly #own: Record<string, string> = {}; // caller's name → the graph's own
  readonly #fresh: { type: Kind; dims: number[] }[];

  private constructor(session: ort.InferenceSession, names: Record<string, string>) {
    this.#session = session;
    const called = (own: string): string => {
      this.#own[names[own] ?? own] = own;
      return names[own] ?? own;
    };
    this.inputs = session.inputNames.map(called).filter((name) => !name.startsWith("state_"));
    this.outputs = session.outputNames.map(called).filter((name) => !name.startsWith("new_state_"));
    this.#fresh = Array.from({ length: session.inputNames.length - this.inputs.length }, (_, i) => {
      const node = session.inputMetadata.find((one) => one.name === `state_${i}`);
      if (!node?.isTensor || !(node.type in ARRAYS)) throw new SsmphonyError(`state_${i} is of a type unknown here`);
      return { type: node.type as Kind, dims: [1, ...node.shape.slice(1).map(Number)] };
    });
  }

  /**
   * Throws `SsmphonyError` when ONNX Runtime refuses the graph. The graph runs as it was exported: the optimiser takes
   * longer than it saves, and makes some graphs slower in WebAssembly.
   */
  static async load(model: Uint8Array, name: string, names: Record<string, string> = {}): Promise<Graph> {
    try {
      const options = {
        executionProviders: ["wasm"],
        graphOptimizationLevel: "disabled",
        logSeverityLevel: 3, // errors
      } as const;
      return new Graph(await ort.InferenceSession.create(model, options), names);
    } catch (error) {
      if (error instanceof SsmphonyError) throw error;
      throw new SsmphonyError(`${name}: ONNX Runtime cannot load this graph (${String(error).slice(0, 160)})`);
    }
  }

  initialState(): State {
    return this.#fresh.map(({ type, dims }) => {
      const size = dims.reduce((product, size) => product * size, 1);
      return new ort.Tensor(type, new ARRAYS[type](size) as Float32Array, dims);
    });
  }

  async run(inputs: Named, state: State = []): Promise<{ outputs: Named; state: State }> {
    const feeds: Named = {};
    for (const [name, value] of Object.entries(inputs)) feeds[this.#own[name]] = value;
    state.forEach((value, i) => (feeds[`state_${i}`] = value));
    const results = await this.#session.run(feeds);
    const outputs: Named = {};
    for (const name of this.outputs) outputs[name] = results[this.#own[name]];
    return { outputs, state: this.#fresh.map((_, i) => results[`new_state_${i}`]) };
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/** A tensor of one row: `dims` without the batch. */
export function floats(values: Float32Array, ...dims: number[]): ort.Tensor {
  return new ort.Tensor("float32", values, [1, ...dims]);
}

export function integers(values: readonly number[]): ort.Tensor {
  return new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
}

export function booleans(values: Uint8Array): ort.Tensor {
  return new ort.Tensor("bool", values, [1, values.length]);
}
