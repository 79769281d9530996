import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap, setDiagnostics } from '@codemirror/lint';
import { EditorState, Prec } from '@codemirror/state';
import { EditorView, hoverTooltip, keymap, placeholder } from '@codemirror/view';
import type { GrafanaTheme2 } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { useEffect, useRef } from 'react';
import { prometheus } from '../prometheus/api.ts';
import type { PromqlError } from './promql-error.ts';

export interface QueryEditorProps {
  readonly language: 'promql' | 'traceql';
  readonly value: string;
  /** What the server said about the query as it is. */
  readonly error?: PromqlError | undefined;
  onChange(query: string): void;
  /** Enter; Shift and Enter begins a new line. */
  onRun(): void;
}

/** What a metric is, from its own `# HELP` line; kept while the page is open. */
const metadata = new Map<string, Promise<string | undefined>>();
function helpOf(metric: string): Promise<string | undefined> {
  const known = metadata.get(metric);
  if (known) return known;
  type Metadata = Record<string, { type: string; help: string; unit: string }[]>;
  const asked = (name: string) =>
    prometheus<Metadata>('metadata', { metric: name }).then((found) => {
      const [first] = found[name] ?? [];
      return first && `${first.type}: ${first.help}`;
    });
  // A histogram is described once for all of its series.
  const base = metric.replace(/_(bucket|count|sum)$/, '');
  const help = asked(metric)
    .then((own) => own ?? (base === metric ? undefined : asked(base)))
    .catch(() => undefined);
  metadata.set(metric, help);
  return help;
}

const metricHelp = hoverTooltip(async (view, position) => {
  const { from, to, text } = view.state.doc.lineAt(position);
  let [start, end] = [position, position];
  while (start > from && /[\w:]/.test(text[start - from - 1] ?? '')) start -= 1;
  while (end < to && /[\w:]/.test(text[end - from] ?? '')) end += 1;
  const word = text.slice(start - from, end - from);
  const help = /^[a-zA-Z_:]/.test(word) ? await helpOf(word) : undefined;
  if (!help) return null;
  return {
    pos: start,
    end,
    above: true,
    create: () => {
      const dom = document.createElement('div');
      dom.className = 'metric-help';
      dom.textContent = help;
      return { dom };
    },
  };
});

function promql() {
  const fetchFn = (input: RequestInfo | URL, init?: RequestInit) => {
    // Asks which functions Prometheus was told to allow; the preview passes no flags on.
    if (String(input).endsWith('/status/flags')) return Promise.resolve(Response.json({ status: 'success', data: {} }));
    return fetch(input, init);
  };
  const remote = { url: '/api/prometheus', httpMethod: 'GET' as const, fetchFn, httpErrorHandler: () => {} };
  return new PromQLExtension().setComplete({ remote });
}

function look({ colors, typography, isDark, shape }: GrafanaTheme2) {
  const theme = EditorView.theme(
    {
      '&': {
        backgroundColor: colors.background.canvas,
        color: colors.text.primary,
        border: `1px solid ${colors.border.medium}`,
        borderRadius: shape.radius.default,
      },
      '&.cm-focused': { outline: `2px solid ${colors.primary.main}` },
      '.cm-content': {
        fontFamily: typography.fontFamilyMonospace,
        fontSize: '14px',
        caretColor: colors.text.primary,
        padding: '8px 4px',
      },
      '.cm-cursor': { borderLeftColor: colors.text.primary },
      '.cm-tooltip': {
        backgroundColor: colors.background.elevated,
        color: colors.text.primary,
        border: `1px solid ${colors.border.medium}`,
      },
      '.cm-tooltip-autocomplete ul li[aria-selected]': {
        backgroundColor: colors.action.selected,
        color: colors.text.maxContrast,
      },
      '.cm-completionIcon': { display: 'none' },
      '.cm-completionDetail': { color: colors.text.secondary },
      '.cm-placeholder': { color: colors.text.disabled },
    },
    { dark: isDark },
  );
  const highlight = HighlightStyle.define([
    { tag: tags.string, color: colors.success.text },
    { tag: [tags.number, tags.literal], color: colors.warning.text },
    { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: colors.error.text },
    { tag: [tags.function(tags.variableName), tags.operator], color: colors.primary.text },
    { tag: tags.labelName, color: colors.info.text },
    { tag: tags.comment, color: colors.text.disabled },
  ]);
  return [theme, syntaxHighlighting(highlight)];
}

/** One query: PromQL with completion, validation while one types, and what each metric is. */
export function QueryEditor({ language, value, error, onChange, onRun }: QueryEditorProps) {
  const theme = useTheme2();
  const parent = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorView>(undefined);
  const current = useRef({ onChange, onRun });
  current.current = { onChange, onRun };

  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor keeps its own text once it is there
  useEffect(() => {
    const run = () => {
      current.current.onRun();
      return true;
    };
    const extension = language === 'promql' ? promql() : undefined;
    const example =
      language === 'promql'
        ? 'PromQL, for example: sum by (http_route) (rate(…[5m]))'
        : 'TraceQL, for example: { duration > 1s }, or a trace id';
    const view = new EditorView({
      parent: parent.current!,
      state: EditorState.create({
        doc: value,
        extensions: [
          history(),
          bracketMatching(),
          closeBrackets(),
          ...(extension ? [extension.asExtension(), autocompletion(), metricHelp] : []),
          placeholder(example),
          look(theme),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': language === 'promql' ? 'PromQL query' : 'TraceQL query' }),
          // After completion has had its chance to take the key.
          Prec.low(keymap.of([{ key: 'Enter', run }])),
          Prec.highest(keymap.of([{ key: 'Mod-Enter', run }])),
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...lintKeymap]),
          Prec.lowest(keymap.of(defaultKeymap)),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) current.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    editor.current = view;
    return () => {
      extension?.destroy();
      view.destroy();
    };
  }, [language, theme]);

  useEffect(() => {
    const view = editor.current;
    const text = view?.state.doc.toString();
    if (view && text !== value) view.dispatch({ changes: { from: 0, to: text?.length ?? 0, insert: value } });
  }, [value]);

  useEffect(() => {
    const view = editor.current;
    if (!view || !error?.at) return;
    const end = view.state.doc.length;
    const [from, to] = [Math.min(error.at.from, end), Math.min(error.at.to, end)];
    const mark = {
      from: from === end ? Math.max(0, end - 1) : from,
      to,
      severity: 'error' as const,
      message: error.message,
    };
    view.dispatch(setDiagnostics(view.state, [mark]));
  }, [error]);

  return <div ref={parent} className="query-editor" />;
}
