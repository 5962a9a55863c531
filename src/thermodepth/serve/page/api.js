// What is asked of the server. Addresses are relative, so that the page works below any path of a proxy.

const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

export class Refused extends Error {}

async function ask(address, options = {}, tries = 4) {
  let reply;
  try {
    reply = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The server does not answer. Is it still running?");
  }
  if (reply.ok) return reply;
  if (reply.status === 429 && tries > 1) {
    await wait(Math.min(Number(reply.headers.get("Retry-After")) || 1, 5));
    return ask(address, options, tries - 1);
  }
  let reason = `${reply.status} ${reply.statusText}`;
  try {
    reason = (await reply.json()).error ?? reason;
  } catch {
    // no JSON: the status has to do
  }
  const refused = new Refused(reason);
  refused.status = reply.status;
  throw refused;
}

const json = async (address, options) => (await ask(address, options)).json();

export const model = () => json("api/v1/model");
export const samples = () => json("api/v1/samples");

export function send(file) {
  const query = new URLSearchParams({ filename: file.name });
  return json(`api/v1/recordings?${query}`, { method: "POST", body: file });
}

export function outputAddress(item, output, fov) {
  const query = fov ? `?${new URLSearchParams({ fov_deg: fov })}` : "";
  return `api/v1/recordings/${item.recording.id}/frames/${item.frame}/${output}${query}`;
}

export async function maps(item, fov) {
  return (await ask(outputAddress(item, "maps.safetensors", fov))).arrayBuffer();
}
