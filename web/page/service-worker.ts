/** Keeps the files of the page under their checksums, so that it works offline and loads each version of a file once. */

/** Checksum by path, from the build. */
declare const FILES: Record<string, string>;

const worker = self as unknown as ServiceWorkerGlobalScope;
const CACHE = "ssmphony-web";
const FIRST = ["index.html", "base.css", "style.css", "main.js"];

/** Under what a file of the page is kept; undefined for everything else. */
function keyOf(address: string): string | undefined {
  const { href, search } = new URL(address);
  const scope = worker.registration.scope;
  if (!href.startsWith(scope)) return undefined;
  const path = decodeURI(href.slice(scope.length, href.length - search.length).replace(/#.*/, "")) || "index.html";
  return FILES[path] && `${scope}${path}?${FILES[path]}`;
}

async function keepFirst(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(FIRST.map((path) => keyOf(worker.registration.scope + path) as string));
}

async function dropOld(): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const request of await cache.keys()) {
    if (keyOf(request.url) !== request.url) await cache.delete(request);
  }
}

/** A kept file. One that is not kept yet is stored first and read from there: two readers of one body may block. */
async function answer(request: Request, key: string): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(key);
  if (kept) return kept;
  const response = await fetch(request);
  if (!response.ok) return response;
  try {
    await cache.put(key, response);
  } catch {
    return fetch(request); // no room to keep it
  }
  return (await cache.match(key)) ?? fetch(request);
}

worker.addEventListener("install", (event) => event.waitUntil(keepFirst()));
worker.addEventListener("activate", (event) => event.waitUntil(dropOld().then(() => worker.clients.claim())));
worker.addEventListener("fetch", (event) => {
  const key = event.request.method === "GET" ? keyOf(event.request.url) : undefined;
  if (key) event.respondWith(answer(event.request, key));
});
