/** What the page asks of the server. Addresses are relative, so the page also works under a path of a reverse proxy. */

const address = (path) => new URL(path, document.baseURI);

/** The server's key, if it asks for one, until the tab is closed. */
export const key = {
  get: () => sessionStorage.getItem("ssmphony-api-key") ?? "",
  set: (value) => sessionStorage.setItem("ssmphony-api-key", value),
  /** Browsers refuse to name a subprotocol of other characters, and a WebSocket's key travels in one. */
  canBeSent: (value) => /^[\w!#$%&'*+.^`|~-]+$/.test(value),
};

/** An error whose message is a sentence for the person at the page; `code` may have a text of the page, too. */
export class ServerError extends Error {
  constructor(message, code = "") {
    super(message);
    this.code = code;
  }

  get wantsKey() {
    return this.code === "invalid_api_key";
  }
}

/** An error of the page's own, whose sentence is among its texts. */
const failure = (code) => new ServerError("", code);

const nothingSpoken = () =>
  new ServerError("There is nothing to speak in this text: it holds no letter and no digit.", "nothing_spoken");

async function ask(path, options = {}) {
  const headers = { ...options.headers, ...(key.get() && { Authorization: `Bearer ${key.get()}` }) };
  let response;
  try {
    response = await fetch(address(path), { ...options, headers });
  } catch {
    throw failure("unreachable");
  }
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  const code = response.status === 401 ? "invalid_api_key" : error?.code;
  throw new ServerError(error?.message ?? `The server answered with status ${response.status}.`, code);
}

/** {voices, max_characters}: the voices that are installed, and how many characters are spoken at a time. */
export const offer = async () => (await ask("v1/audio/voices")).json();

/** The whole request as one file, encoded by the server. */
export async function encoded({ text, ...style }, format) {
  const body = JSON.stringify({ model: "ssmphony", input: text, response_format: format, ...style });
  const headers = { "Content-Type": "application/json" };
  return (await ask("v1/audio/speech", { method: "POST", headers, body })).blob();
}

/** Why a WebSocket did not open: browsers do not tell, but the same server answers a plain question. */
const refusal = () =>
  offer().then(
    () => failure("refused"),
    (error) => error,
  );

/**
 * Speak `text`. Calls `started({sample_rate, voice})`, then `samples(Int16Array)` and `words([...])` as they are made,
 * and at last `done({seconds})` or `failed(ServerError)`. Returns a function that cancels.
 */
export function stream({ text, ...style }, { started, samples, words, done, failed }) {
  const url = address("v1/audio/speech/stream");
  url.protocol = url.protocol.replace("http", "ws");
  const protocols = key.get() ? ["realtime", `openai-insecure-api-key.${key.get()}`] : [];
  const socket = new WebSocket(url, protocols);
  socket.binaryType = "arraybuffer";
  let open = false;
  let over = false;
  const end = (tell, value) => {
    if (over) return;
    over = true;
    tell?.(value);
    socket.close();
  };
  const send = (message) => socket.send(JSON.stringify(message));

  socket.onopen = () => {
    open = true;
    send({ type: "start", format: "pcm", ...style });
    send({ type: "text", text });
    send({ type: "finish" });
  };
  socket.onmessage = ({ data }) => {
    if (over) return;
    if (data instanceof ArrayBuffer) {
      samples(new Int16Array(data));
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "started") started(message);
    else if (message.type === "words") words(message.words);
    else if (message.type === "done" && message.nothing_spoken) end(failed, nothingSpoken());
    else if (message.type === "done") end(done, message);
    else if (message.type === "error") end(failed, new ServerError(message.message, message.code));
  };
  socket.onclose = async () => {
    if (over) return;
    if (open) end(failed, failure("broken"));
    else end(failed, await refusal());
  };

  return () => {
    if (open && !over) send({ type: "cancel" });
    end();
  };
}
