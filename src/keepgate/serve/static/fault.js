// What an engine refused, or the network lost.

/** A code that words.js knows, and the numbers for its sentence. */
export class Fault extends Error {
  constructor(code, message, facts = {}) {
    super(message);
    this.code = code;
    this.facts = facts;
  }
}
