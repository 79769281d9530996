import { usePerformanceTracking } from '@clinic/instrumentation/react';
import { type FormEvent, useId, useRef, useState } from 'react';
import { type Clinician, createAppointment } from './appointments.ts';
import { useAttempt } from './attempt.ts';
import { ClientPicker } from './client-picker.tsx';
import type { Client } from './clients.ts';
import { dateOf, instantOf, timeOf } from './dates.ts';
import { Problem } from './notices.tsx';

const WHY: Readonly<Record<string, string>> = {
  appointment_overlap: 'The clinician has another appointment at that time. Choose another time.',
  appointment_clinician_unknown: 'That clinician no longer works here. Choose another one.',
  appointment_client_unknown: 'This client is no longer in the practice.',
  request_invalid: 'Choose a clinician, a date and a time.',
};

const MINUTES = [15, 30, 45, 60];

interface AppointmentFormProps {
  /** Without one the form asks for it. */
  readonly clientId?: string;
  readonly clinicians: readonly Clinician[];
  readonly clinicianId?: number | undefined;
  /** The value of a date input. */
  readonly date: string;
  /** The value of a time input. */
  readonly time?: string;
  /** Called after an appointment was made, with when and with whom. */
  booked(text: string): void;
}

export function AppointmentForm({
  clientId,
  clinicians,
  clinicianId,
  date,
  time = '09:00',
  booked,
}: AppointmentFormProps) {
  const { trackAction } = usePerformanceTracking('AppointmentForm');
  const { busy, problem, run, say } = useAttempt(WHY);
  const [picked, pick] = useState<Client>();
  const [done, setDone] = useState('');
  const timeField = useRef<HTMLInputElement>(null);
  const id = useId();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    setDone('');
    const form = new FormData(event.currentTarget);
    const field = (name: string) => String(form.get(name) ?? '');
    const starts_at = instantOf(field('date'), field('time'));
    const clinician = clinicians.find((one) => String(one.id) === field('clinician'));
    const client_id = clientId ?? picked?.id;
    if (!client_id) return say('Choose a client from the list.');
    if (!starts_at || !clinician) return say(WHY.request_invalid!);
    const minutes = Number(field('minutes'));
    const made = await run(() =>
      trackAction('book_appointment', () =>
        createAppointment({ client_id, clinician_id: clinician.id, starts_at, minutes }),
      ),
    );
    if (!made) return timeField.current?.focus();
    const text = `Booked for ${dateOf(starts_at)}, ${timeOf(starts_at)}.`;
    setDone(text);
    booked(text);
  }

  return (
    <form onSubmit={submit}>
      {clientId === undefined && <ClientPicker picked={picked} pick={pick} />}
      <label htmlFor={`${id}-clinician`}>Clinician</label>
      <select id={`${id}-clinician`} name="clinician" required defaultValue={clinicianId}>
        {clinicians.map((clinician) => (
          <option key={clinician.id} value={clinician.id}>
            {clinician.name}
          </option>
        ))}
      </select>
      <div className="fields">
        <div>
          <label htmlFor={`${id}-date`}>Date</label>
          <input id={`${id}-date`} name="date" type="date" required defaultValue={date} />
        </div>
        <div>
          <label htmlFor={`${id}-time`}>Time</label>
          <input ref={timeField} id={`${id}-time`} name="time" type="time" required step={300} defaultValue={time} />
        </div>
      </div>
      <label htmlFor={`${id}-minutes`}>Length</label>
      <select id={`${id}-minutes`} name="minutes" defaultValue={30}>
        {MINUTES.map((minutes) => (
          <option key={minutes} value={minutes}>
            {minutes} minutes
          </option>
        ))}
      </select>
      {problem && <Problem>{problem}</Problem>}
      <button type="submit" className="primary wide" disabled={busy}>
        {busy ? 'Booking…' : 'Book appointment'}
      </button>
      <div role="status">{done && <p className="notice good">{done}</p>}</div>
    </form>
  );
}
