/**
 * A synthetic patient whose every field is a word that exists nowhere else. Should one of these words be found in telemetry, a
 * patient's data is in telemetry.
 */
export const CANARY = {
  given_name: 'Zqcanarygiven',
  family_name: 'Zqcanaryfamily',
  email: 'zqcanarymail@clinic.example',
  phone: '+999-555-0137-7713',
  address: '7713 Zqcanarystreet',
  medication: 'Zqcanarymed',
  note: 'zqcanarynote',
  message: 'zqcanarymessage',
  document_name: 'zqcanarydocument.txt',
  document: 'zqcanarycontent',
} as const;

/** The canary's identifier as a client of the clinic. */
export const CANARY_CLIENT_ID = '7a71ca9a-0000-8000-a000-00000ca9a771';

/** How often its words are looked for, milliseconds: ten minutes past each full hour. */
export const CANARY_RHYTHM = { every: 3_600_000, offset: 600_000 } as const;
