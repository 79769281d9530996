import { type PanelProps, renderTextPanelMarkdown, textUtil } from '@grafana/data';

export interface TextOptions {
  readonly mode: 'markdown' | 'html' | 'code';
  readonly content: string;
}

export function TextPanel({ options, replaceVariables }: PanelProps<TextOptions>) {
  const content = replaceVariables(options.content ?? '', {}, options.mode === 'code' ? 'text' : 'html');
  if (options.mode === 'code') return <pre>{content}</pre>;
  const html = options.mode === 'html' ? textUtil.sanitizeTextPanelContent(content) : renderTextPanelMarkdown(content);
  // biome-ignore lint/security/noDangerouslySetInnerHtml: sanitized above, by Grafana's own list of what is harmless
  return <div className="markdown-html text-panel" dangerouslySetInnerHTML={{ __html: html }} />;
}
