import {bytes, count, counted, duration} from '../lib/format.ts'
import {visible} from '../lib/text.ts'
import type {Model} from '../logic/model.ts'
import {runFailures, runLanes} from '../logic/runfacts.ts'

/** The run itself, while no call is chosen. */
export function RunPanel({model, onGo, onLeftOut}: {model: Model, onGo: (call: number) => void, onLeftOut: () => void}) {
  const {run} = model.page
  const {lanes, more} = runLanes(model)
  const {failures, more: moreFailures} = runFailures(model)
  const left = run.left_out.reduce((sum, part) => sum + part.count, 0)
  return (
    <>
      <h2>{visible(run.command)}</h2>
      <div class="sub"><span>{counted(run.calls, 'call')} in {duration(run.duration_ns)}</span></div>
      <div class="body">
        {failures.length > 0 && (
          <>
            <h3>Failures <span class="mut">{counted(run.failures, 'call')} failed, from {counted(model.origins.length, 'exception')}</span></h3>
            <ol class="stk">
              {failures.map(({call, name, text, times}) => <li key={call}><button onClick={() => onGo(call)} title={text}><span class="red">× <bdi>{text}</bdi></span></button><span class="w">{times} {name}</span></li>)}
              {moreFailures > 0 && <li class="mut">{count(moreFailures)} more: step through them with <kbd>e</kbd></li>}
            </ol>
          </>
        )}
        {(lanes.length > 1 || more > 0) && (
          <>
            <h3>Threads and tasks</h3>
            <ol class="stk">
              {lanes.map(({name, calls, first}) => <li key={name}>{first < 0 ? <span>{name}</span> : <button onClick={() => onGo(first)}>{name}</button>}<span class="w">{calls}</span></li>)}
              {more > 0 && <li class="mut">{count(more)} more</li>}
            </ol>
          </>
        )}
        <h3>Recording</h3>
        <dl class="kv facts2">
          {run.started !== '' && [<dt key="a">Began</dt>, <dd key="b">{run.started.replace('T', ' ').replace(/(\.\d+)?(Z|\+00:00)$/, ' UTC')}</dd>]}
          <dt>Python</dt><dd>{run.python}</dd>
          <dt>Detail</dt><dd>{run.detail === 'calls' ? 'calls: values at entry and return' : 'every statement'}</dd>
          <dt>Trace</dt><dd><code>{visible(run.trace)}</code>, {bytes(run.bytes)}</dd>
          <dt>Left out</dt><dd>{left === 0 ? 'nothing' : <button class="link" onClick={onLeftOut}>{counted(left, 'thing')}</button>}</dd>
          {run.waited_ns > 0 && [<dt key="w">Waited</dt>, <dd key="x">{duration(run.waited_ns)} for the trace to be written</dd>]}
          <dt>execmap</dt><dd>{run.execmap}</dd>
        </dl>
      </div>
    </>
  )
}
