import {LINE, type Picking} from '../logic/mapline.ts'
import type {MapRowView} from '../logic/maprow.ts'
import type {Model} from '../logic/model.ts'
import {LoopControls} from './LoopControls.tsx'
import {MapLabel} from './MapLabel.tsx'

export interface MapRowProps {
  model: Model
  row: MapRowView
  /** Top of the first row kept: distances from it stay exact, however far down it lies. */
  origin: number
  query: string
  onChoose: (row: MapRowView) => void
  onToggle: (row: MapRowView) => void
  onPick: (picking: Picking, at: number) => void
}

/** One message. The row draws its own pieces of rails, bars and arrows, so it can stand anywhere. */
export function MapRow({model, row, origin, query, onChoose, onToggle, onPick}: MapRowProps) {
  const {arrow, branch} = row
  const classes = ['r', row.frames.length > 0 ? 'inblk' : '', row.kind === LINE.block ? 'bh' : row.kind === LINE.section ? 'sh' : '', row.chosen ? 'sel' : '', row.kind === LINE.suspended || row.kind === LINE.note ? 'slim' : ''].filter(Boolean).join(' ')
  return (
    <div
      id={`row-${row.key}`} class={classes} style={{top: `${row.top - origin}px`, height: `${row.height}px`, lineHeight: `${row.height}px`}}
      role="treeitem" aria-level={row.level} aria-selected={row.chosen} aria-label={row.spoken} {...(row.expanded === null ? {} : {'aria-expanded': row.expanded})}
      onClick={() => onChoose(row)} onDblClick={() => onToggle(row)}
    >
      {row.frames.map((frame, at) => <i key={`f${at}`} class={`frame ${frame.part} ${frame.look}`} style={{left: `${frame.x}px`, right: `${frame.right}px`}} />)}
      {row.time !== '' && <time>{row.time}</time>}
      {row.rails.map((rail) => <i key={`r${rail.x}`} class={`rl ${rail.waits ? 'w' : ''} ${rail.part}`} style={{left: `${rail.x}px`}} />)}
      {branch !== null && <i class={`br ${branch.part}`} style={{left: `${branch.from}px`, width: `${branch.to - branch.from + 1.5}px`}} />}
      {row.dot >= 0 && <i class="dot" style={{left: `${row.dot - 2.25}px`}} />}
      {row.bars.map((bar, at) => <i key={`b${at}`} class={`sg ${bar.part} ${bar.tone}`} style={{left: `${bar.x}px`}} />)}
      {arrow !== null && <i class={`${arrow.shape === 'self' ? 'hook' : 'av'} ${arrow.shape} ${arrow.kind} ${arrow.leftwards ? 'back' : ''}`} style={{left: `${arrow.x}px`, width: `${Math.max(0, arrow.width)}px`}} />}
      {arrow !== null && arrow.kind === 'fail' && <FailureEnds arrow={arrow} />}
      <MapLabel label={row.label} share={row.share} query={query} onPill={() => onToggle(row)} />
      {row.controls !== null && <LoopControls model={model} controls={row.controls} row={row.key} onPick={onPick} />}
      {row.took !== '' && <span class={row.isLong ? 'du hot' : 'du'}>{row.took}</span>}
    </div>
  )
}

/** × at the bar that ends, an open head at the bar it reaches. */
function FailureEnds({arrow}: {arrow: NonNullable<MapRowView['arrow']>}) {
  if (arrow.shape === 'self') return <svg class="zx" viewBox="0 0 10 10" style={{left: `${arrow.x - 1}px`, top: '4px'}} aria-hidden="true"><path d="M2 2l6 6M8 2L2 8" /></svg>
  const [head, end] = arrow.leftwards ? [arrow.x, arrow.x + arrow.width - 1] : [arrow.x + arrow.width - 10, arrow.x - 9]
  return (
    <>
      <svg class="zh" viewBox="0 0 10 10" style={{left: `${head}px`}} aria-hidden="true"><path d={arrow.leftwards ? 'M7 1.500L2 5l5 3.500' : 'M3 1.500L8 5 3 8.500'} /></svg>
      <svg class="zx" viewBox="0 0 10 10" style={{left: `${end}px`}} aria-hidden="true"><path d="M2 2l6 6M8 2L2 8" /></svg>
    </>
  )
}

