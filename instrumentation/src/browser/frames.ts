export interface Frame {
  readonly filename: string;
  readonly lineno?: number;
  readonly colno?: number;
}

/**
 * 16 hex digits of "bundle file:line:column" of up to ten frames in our own build; "" without such frames. Function names are
 * left out (a computed one can be a patient's name), and so is every other file (an inline script's file is the page's URL).
 */
export function hashFrames(frames: readonly Frame[]): string {
  let hash = 0xcbf29ce484222325n; // FNV-1a, 64 bits
  let used = 0;
  for (const { filename, lineno, colno } of frames) {
    const file = /\/assets\/([\w.-]+\.js)$/.exec(filename)?.[1];
    if (!file || used === 10) continue;
    used++;
    for (const char of `${file}:${lineno}:${colno};`) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(char.charCodeAt(0))) * 0x100000001b3n);
    }
  }
  return used === 0 ? '' : hash.toString(16).padStart(16, '0');
}
