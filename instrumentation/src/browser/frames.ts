import { type Frame, MAX_FRAMES } from './wire.ts';

export interface StackFrame {
  readonly filename: string;
  readonly lineno?: number;
  readonly colno?: number;
}

/** 16 hex digits that stand for a name (FNV-1a, 64 bits). */
export function nameHash(name: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const char of name) hash = BigInt.asUintN(64, (hash ^ BigInt(char.charCodeAt(0))) * 0x100000001b3n);
  return hash.toString(16).padStart(16, '0');
}

/**
 * Up to ten frames in our own build: the hash of the file's name, which the server compares with those of the files that it
 * has, line and column. Function names are left out (a computed one can be a patient's name), and so is every file from
 * elsewhere (an inline script's file is the page's URL). `folder` is the URL of the build's scripts, with a slash at its end.
 */
export function framesOf(stack: readonly StackFrame[], folder: string): Frame[] {
  const frames: Frame[] = [];
  for (const { filename, lineno, colno } of stack) {
    const file = filename.startsWith(folder) ? filename.slice(folder.length) : '';
    if (!/^[\w-]+\.js$/.test(file) || !lineno || !colno || frames.length === MAX_FRAMES) continue;
    frames.push([nameHash(file), lineno, colno]);
  }
  return frames;
}
