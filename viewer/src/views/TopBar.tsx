import type {PageData} from '../gen/page.ts'
import {count, counted, duration} from '../lib/format.ts'
import {visible} from '../lib/text.ts'
import {Icon} from './Icon.tsx'

export interface TopBarProps {
  page: PageData
  query: string
  onQuery: (query: string) => void
  onHit: (by: 1 | -1) => void
  onFailure: () => void
  onLeftOut: () => void
  onRun: () => void
  onTheme: () => void
  onKeys: () => void
}

/** What was run, what is in the file, and the search. */
export function TopBar(props: TopBarProps) {
  const {run, threads, tasks} = props.page
  return (
    <header class="top">
      <div class="brand">
        <svg class="i" viewBox="0 0 20 20" aria-hidden="true"><path d="M4 2v16M16 2v16" /><path class="ar" d="M4 7h10M11.500 4.500L14 7l-2.500 2.500" /><path d="M16 14H6" stroke-dasharray="2 2" /></svg>
        <span>execmap</span>
      </div>
      <button class="cmd" title={`${visible(run.command)}: about this run`} onClick={props.onRun}>{visible(run.command)}</button>
      <div class="facts">
        <span>{counted(run.calls, 'call')}</span>
        <span>{duration(run.duration_ns)}</span>
        {threads.length > 1 && <span class="opt">{counted(threads.length, 'thread')}</span>}
        {tasks.length > 0 && <span class="opt">{counted(tasks.length, 'task')}</span>}
        {run.failures > 0 && <span><button class="red" title="Calls that ended with an exception: next (e)" onClick={props.onFailure}>{counted(run.failures, 'failure')}</button></span>}
        <span><button onClick={props.onLeftOut}><Icon name={isWhole(props.page) ? 'ok' : 'cut'} />{wholeWords(props.page)}</button></span>
      </div>
      <span class="sp" />
      <label class={props.query === '' ? 'search' : 'search used'}>
        <Icon name="find" />
        <span class="sr">Find calls, values, failures</span>
        <input
          id="find" type="search" autocomplete="off" spellcheck={false} placeholder="Find calls, values, failures" value={props.query}
          onInput={(event) => props.onQuery(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') props.onHit(event.shiftKey ? -1 : 1)
            else if (event.key === 'Escape') {
              props.onQuery('')
              event.currentTarget.blur()
            } else return
            event.preventDefault()
            event.stopPropagation()
          }}
        />
        {props.query === '' && <kbd>/</kbd>}
      </label>
      <button class="icb" aria-label="Light or dark" title="Light or dark (t)" onClick={props.onTheme}><Icon name="half" /></button>
      <button class="icb hp" aria-label="Keys" title="Keys (?)" onClick={props.onKeys}><Icon name="help" /></button>
    </header>
  )
}

export function isWhole({run}: PageData): boolean {
  return run.state === 'whole' && run.held_calls === run.calls
}

function wholeWords(page: PageData): string {
  const {run} = page
  const left = run.left_out.reduce((sum, {count: part}) => sum + part, 0)
  const words = run.state !== 'whole' ? run.state.replace('_', ' ') : run.held_calls < run.calls ? `first ${count(run.held_calls)} calls` : 'whole'
  return left === 0 ? `${words}, nothing left out` : `${words}, ${counted(left, 'thing')} left out`
}
