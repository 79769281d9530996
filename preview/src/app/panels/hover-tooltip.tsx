import {
  Portal,
  VizTooltipContainer,
  VizTooltipContent,
  VizTooltipHeader,
  type VizTooltipItem,
  VizTooltipWrapper,
} from '@grafana/ui';

interface HoverTooltipProps {
  /** Of the pointer, in the window. */
  readonly x: number;
  readonly y: number;
  readonly title: string;
  readonly items: VizTooltipItem[];
}

export function HoverTooltip({ x, y, title, items }: HoverTooltipProps) {
  return (
    <Portal>
      <VizTooltipContainer position={{ x, y }} offset={{ x: 10, y: 10 }}>
        <VizTooltipWrapper>
          <VizTooltipHeader item={{ label: '', value: title }} isPinned={false} />
          <VizTooltipContent items={items} isPinned={false} />
        </VizTooltipWrapper>
      </VizTooltipContainer>
    </Portal>
  );
}
