// The engine of `keepgate serve`: questions go to the server that the page came from.

import { Fault } from "../fault.js";

const READ = ["models", "story"]; // what is only read, its parts in the address

/** The server's reply at a path. Raises Fault for what is refused. */
export async function reply(path, how) {
  const answer = await fetch(path, how);
  const content = await answer.json().catch(() => null);
  if (!answer.ok)
    throw new Fault(content?.code ?? `http_${answer.status}`, content?.error ?? answer.statusText, content?.facts ?? {});
  if (content === null) throw new Fault("no_json", "the reply was no JSON");
  return content;
}

/** The reply to a question that is sent as JSON; the signal ends it. */
export function post(path, body, signal) {
  return reply(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });
}

export const server = {
  /** The reply to a question by name. Raises Fault for what is refused; the signal ends it. */
  ask(name, body = {}, signal = undefined) {
    const asked = String(new URLSearchParams(body));
    if (READ.includes(name)) return reply(`api/${name}${asked && `?${asked}`}`, { signal });
    return post(`api/${name}`, body, signal);
  },

  /** The page's words in a language. */
  words: (language) => reply(`words.${language}.json`),
};
