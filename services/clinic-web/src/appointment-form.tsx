import { usePerformanceTracking } from '@clinic/instrumentation/react';
import { type FormEvent, useRef, useState } from 'react';
import { ApiError, type Clinician, createAppointment } from './api.ts';
import { dateOf, instantOf, nextWorkingDay, timeOf } from './dates.ts';
import { reasonOf } from './notices.tsx';

const WHY: Readonly<Record<string, string>> = {
  appointment_overlap: 'The clinician has another appointment at that time. Choose another time.',
  appointment_clinician_unknown: 'That clinician no longer works here. Choose another one.',
  appointment_client_unknown: 'This client is no longer in the practice.',
  request_invalid: 'Choose a clinician, a date and a time.',
};

const MINUTES = [15, 30, 45, 60];

interface AppointmentFormProps {
  readonly clientId: string;
  readonly clinicians: readonly Clinician[];
  readonly today: Date;
  /** Called after an appointment was made. */
  booked(): void;
}

export function AppointmentForm({ clientId, clinicians, today, booked }: AppointmentFormProps) {
  const { trackAction } = usePerformanceTracking('AppointmentForm');
  const [result, setResult] = useState<{ readonly good: boolean; readonly text: string }>();
  const [busy, setBusy] = useState(false);
  const time = useRef<HTMLInputElement>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = (name: string) => String(form.get(name) ?? '');
    const starts_at = instantOf(field('date'), field('time'));
    const clinician = clinicians.find(({ id }) => String(id) === field('clinician'));
    if (!starts_at || !clinician) {
      setResult({ good: false, text: WHY.request_invalid! });
      return;
    }
    setBusy(true);
    setResult(undefined);
    try {
      const minutes = Number(field('minutes'));
      await trackAction('book', () =>
        createAppointment({ client_id: clientId, clinician_id: clinician.id, starts_at, minutes }),
      );
      setResult({ good: true, text: `Booked for ${dateOf(starts_at)}, ${timeOf(starts_at)}.` });
      booked();
    } catch (error) {
      const text =
        error instanceof ApiError ? (WHY[error.code] ?? reasonOf(error)) : 'Something went wrong. Try again.';
      setResult({ good: false, text });
      time.current?.focus();
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className="card" onSubmit={submit} aria-labelledby="new-appointment">
      <h2 id="new-appointment">New appointment</h2>
      <label htmlFor="clinician">Clinician</label>
      <select id="clinician" name="clinician" required>
        {clinicians.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
      <div className="fields">
        <div>
          <label htmlFor="date">Date</label>
          <input id="date" name="date" type="date" required defaultValue={nextWorkingDay(today)} />
        </div>
        <div>
          <label htmlFor="time">Time</label>
          <input ref={time} id="time" name="time" type="time" required step={300} defaultValue="09:00" />
        </div>
      </div>
      <label htmlFor="minutes">Length</label>
      <select id="minutes" name="minutes" defaultValue={30}>
        {MINUTES.map((minutes) => (
          <option key={minutes} value={minutes}>
            {minutes} minutes
          </option>
        ))}
      </select>
      <button type="submit" className="primary wide" disabled={busy}>
        {busy ? 'Booking…' : 'Book appointment'}
      </button>
      <div role="status">{result && <p className={`notice ${result.good ? 'good' : 'bad'}`}>{result.text}</p>}</div>
    </form>
  );
}
