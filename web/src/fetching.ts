/** Reading files over HTTP, with progress. */

import { SsmphonyError } from "./types.js";

/** Called as bytes arrive. */
export type Progress = (bytes: number) => void;

/** A file, decompressed where its name ends in `.gz`, so that it is small on every server. */
export async function fetchBytes(url: string | URL, progress: Progress = () => {}): Promise<Uint8Array<ArrayBuffer>> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch {
    throw new SsmphonyError(`${String(url)}: cannot be reached; check the address and the connection`);
  }
  if (!response.ok || !response.body) throw new SsmphonyError(`${String(url)}: the server answers ${response.status}`);
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(bytes, controller) {
        progress(bytes.length);
        controller.enqueue(bytes);
      },
    }),
  );
  if (!new URL(url, "https://localhost").pathname.endsWith(".gz")) return bytesOf(counted);
  const [head, rest] = await peek(counted);
  // some servers send what is stored compressed as "content-encoding: gzip", and the browser has unpacked it already
  return bytesOf(head[0] === 0x1f && head[1] === 0x8b ? rest.pipeThrough(new DecompressionStream("gzip")) : rest);
}

/** A reader of the files of the voice at `folder`. */
export function voiceReader(folder: string | URL, progress?: Progress): (file: string) => Promise<Uint8Array> {
  const base = String(folder).endsWith("/") ? folder : `${String(folder)}/`;
  return (file) => fetchBytes(new URL(file, base), progress);
}

async function bytesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The first piece of a stream, and the whole of it. */
async function peek(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<[Uint8Array, ReadableStream<Uint8Array<ArrayBuffer>>]> {
  const reader = stream.getReader();
  const { value = new Uint8Array() } = await reader.read();
  const whole = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(value),
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return [value, whole];
}
