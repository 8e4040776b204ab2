/** ONNX Runtime in WebAssembly, on one thread: more need headers (COOP, COEP) that most static hosts do not send. */

import * as ort from "onnxruntime-web/wasm";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

/** Give ONNX Runtime the bytes of its `ort-wasm-simd-threaded.wasm`; without, it looks for the file next to the script. */
export function useRuntime(wasm: ArrayBuffer): void {
  ort.env.wasm.wasmBinary = wasm;
}
