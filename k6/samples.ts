/** What a load test writes down: one line for each request. */
import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Step } from './steps.ts';

export interface Sample {
  /** When the answer was there, epoch milliseconds. */
  readonly at: number;
  readonly step: Step;
  /** From sending the request to the last byte of the answer. */
  readonly ms: number;
  /** 0 when there was no answer. */
  readonly status: number;
  /** Answered as expected. */
  readonly good: boolean;
  /** Of the body. */
  readonly bytes: number;
  readonly trace: string;
  /** Users at that time; 0 while the test prepares. */
  readonly users: number;
  /** That was made, or cancelled. */
  readonly appointment?: string;
}

/** A sample, or undefined for a line that is something else: what k6 has to say of itself is in the same file. */
export function readSample(line: string): Sample | undefined {
  if (!line.startsWith('{"at":')) return undefined;
  try {
    return JSON.parse(line) as Sample;
  } catch {
    return undefined; // cut off: k6 was killed while it wrote
  }
}

/** All samples of a file, in order. */
export async function readSamples(path: string): Promise<Sample[]> {
  const samples: Sample[] = [];
  if (!existsSync(path)) return samples;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const sample = readSample(line);
    if (sample) samples.push(sample);
  }
  return samples;
}

/** Appointments that were made and not cancelled. */
export function leftBehind(samples: readonly Sample[]): string[] {
  const open = new Set<string>();
  for (const { step, good, appointment } of samples) {
    if (!good || !appointment) continue;
    if (step === 'create_appointment') open.add(appointment);
    if (step === 'cancel_appointment') open.delete(appointment);
  }
  return [...open];
}
