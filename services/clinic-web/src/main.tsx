import '@clinic/instrumentation/browser/early';
import { scheduleTelemetry } from '@clinic/instrumentation/browser/schedule';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router';
import { App } from './app.tsx';
import './style.css';

// An error that a boundary caught is an error all the same.
createRoot(document.querySelector('#app')!, { onCaughtError: (error) => reportError(error) }).render(
  <StrictMode>
    <BrowserRouter>
      <App />
    </BrowserRouter>
  </StrictMode>,
);
scheduleTelemetry();
