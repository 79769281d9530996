import '@clinic/instrumentation/browser/early';
import { scheduleTelemetry } from '@clinic/instrumentation/browser/schedule';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router';
import { App } from './app.tsx';
import './style.css';

createRoot(document.querySelector('#app')!).render(
  <StrictMode>
    <BrowserRouter>
      <App />
    </BrowserRouter>
  </StrictMode>,
);
scheduleTelemetry();
