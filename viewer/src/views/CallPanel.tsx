import {barsPath} from '../draw/bars.ts'
import {count, counted, duration} from '../lib/format.ts'
import {BINS, equalsOf} from '../logic/equals.ts'
import type {Model} from '../logic/model.ts'
import {callFacts, type FoldedRow} from '../logic/panel.ts'
import {FailurePath} from './FailurePath.tsx'
import {Icon} from './Icon.tsx'
import {Marked} from './Marked.tsx'
import {Value} from './Value.tsx'

export interface CallPanelProps {
  model: Model
  /** Row of the map that is chosen, where it stands for many calls. */
  folded: FoldedRow | null
  call: number
  query: string
  copied: boolean
  onGo: (call: number) => void
  onCopy: () => void
}

/** The chosen call: what went in, what came out, who called it, and how long its equals took. */
export function CallPanel({model, folded, call, query, copied, onGo, onCopy}: CallPanelProps) {
  const facts = callFacts(model, call)
  const equals = equalsOf(model, call)
  const above = facts.callers[0]
  return (
    <>
      <h2><Marked text={facts.title} query={query} /></h2>
      <div class="sub">
        <span class={facts.failed ? 'red' : ''}>{facts.outcome}</span>
        <span>at {facts.at}</span>
        <span>{facts.lane}</span>
        <span class="vid">{facts.handle}</span>
      </div>
      <div class="body">
        <div class="acts">
          {above !== undefined && <button title="To the caller (c)" onClick={() => onGo(above.call)}><Icon name="up" />Caller</button>}
          <button title="Copy a link to this call (y)" onClick={onCopy}><Icon name="link" />{copied ? 'Copied' : 'Copy link'}</button>
        </div>
        {folded !== null && (
          <>
            <h3>This row <span class="mut">{folded.words}</span></h3>
            <dl class="kv">{folded.values.map(({name, text}) => [<dt key={`k${name}`}>{name}</dt>, <dd key={`v${name}`}>{text}</dd>])}</dl>
            <p class="mut">Below is the first of them.</p>
          </>
        )}
        {facts.args.length > 0 && (
          <>
            <h3>Arguments</h3>
            <dl class="kv">{facts.args.map(({name, value}) => [<dt key={`k${name}`}>{name}</dt>, <dd key={`v${name}`}><Value value={value} query={query} /></dd>])}</dl>
          </>
        )}
        {facts.result !== null && (
          <>
            <h3>Result</h3>
            <div class="value"><span class="mut">→ </span><Value value={facts.result} query={query} /></div>
          </>
        )}
        {facts.path.length > 0 && <FailurePath exception={facts.exception} steps={facts.path} query={query} onGo={onGo} />}
        <h3>Called from</h3>
        {facts.callers.length === 0 ? <p>No recorded caller.</p> : (
          <ol class="stk">
            {facts.callers.map((caller) => <li key={caller.call}><button onClick={() => onGo(caller.call)}>{caller.name}</button><span class="w">{caller.where}</span></li>)}
            {facts.callersLeft > 0 && <li class="mut">{counted(facts.callersLeft, 'more caller')} above</li>}
          </ol>
        )}
        <h3>Calls of this function
          {equals.total > 1 && (
            <span class="stepper">
              <button disabled={equals.previous < 0} aria-label="Call before" onClick={() => onGo(equals.previous)}>‹</button>
              {count(equals.place + 1)} of {count(equals.total)}
              <button disabled={equals.next < 0} aria-label="Call after" onClick={() => onGo(equals.next)}>›</button>
            </span>
          )}
        </h3>
        {equals.total === 1 ? <p>The only one{model.page.run.held_calls < model.page.run.calls ? ' in this file' : ''}.</p> : (
          <>
            <svg class="dist" viewBox={`0 0 ${BINS * 10} 34`} preserveAspectRatio="none" role="img" aria-label={`slower than ${count(equals.slowerThan)} of ${count(equals.total)}`}>
              <path d={barsPath(equals.bins, BINS * 10, 34, 1.5, 0.8)} fill="var(--barln)" />
              <rect class="me" x={equals.marker * (BINS * 10 - 2)} y="0" width="2" height="34" />
            </svg>
            <div class="ends"><span>{duration(equals.fastestNs)}</span><span>slower than {count(equals.slowerThan)} of {count(equals.total)}</span><span>{duration(equals.slowestNs)}</span></div>
          </>
        )}
        <h3>This call</h3>
        <dl class="kv facts2">
          {facts.self !== '' && [<dt key="a">Self time</dt>, <dd key="b">{facts.self}</dd>]}
          {facts.suspended !== '' && [<dt key="c">Suspended</dt>, <dd key="d">{facts.suspended}</dd>]}
          <dt>Inside</dt><dd>{facts.inside === 0 ? 'no calls' : counted(facts.inside, 'call')}{facts.failedInside > 0 && <span class="red">, {count(facts.failedInside)} failed</span>}</dd>
          {facts.kind !== '' && [<dt key="e">Kind</dt>, <dd key="f">{facts.kind}</dd>]}
          {facts.defined !== '' && [<dt key="g">Defined at</dt>, <dd key="h" title={facts.file}><code>{facts.defined}</code></dd>]}
        </dl>
      </div>
    </>
  )
}
