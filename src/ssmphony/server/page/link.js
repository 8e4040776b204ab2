/** A request as the fragment of a link, which no server sees: #text=…&voice=…&speed=1.2 */

const NEUTRAL = { voice: "", speaker: "", speed: 1, pitch: 0 };

export function toFragment(request) {
  const fields = new URLSearchParams({ text: request.text });
  for (const [name, neutral] of Object.entries(NEUTRAL)) {
    if ((request[name] ?? neutral) !== neutral) fields.set(name, request[name]);
  }
  return `#${fields}`;
}

/** null for a fragment that holds no text. */
export function fromFragment(fragment) {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  if (!fields.has("text")) return null;
  const number = (name) => {
    const value = Number.parseFloat(fields.get(name));
    return Number.isFinite(value) ? value : NEUTRAL[name];
  };
  return {
    text: fields.get("text"),
    voice: fields.get("voice") ?? "",
    speaker: fields.get("speaker") ?? "",
    speed: number("speed"),
    pitch: number("pitch"),
  };
}
