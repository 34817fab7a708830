import {render} from 'preact'
import {readHead, readRecording} from './data/read.ts'
import {counted} from './lib/format.ts'
import {visible} from './lib/text.ts'
import {createModel} from './logic/model.ts'
import {textMap} from './logic/textmap.ts'
import {firstState} from './state/app.ts'
import {fromFragment} from './state/fragment.ts'
import {followAddress} from './state/history.ts'
import {createStore} from './state/store.ts'
import './style/page.css'
import {App} from './views/App.tsx'
import {Loading} from './views/Loading.tsx'
import {Stopped} from './views/Stopped.tsx'

const QUIET_MS = 300
const LOADING_LINES = 60

async function start(root: HTMLElement): Promise<void> {
  if (typeof DecompressionStream === 'undefined') {
    render(<Stopped title="This page needs a browser from 2023 or later." text="`execmap tree` shows the run in a terminal." />, root)
    return
  }
  const page = readHead(document)
  const began = performance.now()
  const lines = textMap(page.map, LOADING_LINES)
  const recording = await readRecording(document, page, (part) => {
    if (performance.now() - began > QUIET_MS) render(<Loading command={visible(page.run.command)} calls={counted(page.run.held_calls, 'call')} part={part} lines={lines} />, root)
  })
  const model = createModel(recording)
  const first = firstState(model)
  const store = createStore(fromFragment(model, first, window.location.hash))
  followAddress(store, model, first, window)
  render(<App model={model} store={store} />, root)
}

const root = document.getElementById('app')
if (root !== null) {
  start(root).catch((reason: unknown) => {
    const text = reason instanceof Error ? reason.message : String(reason)
    render(<Stopped title="This page cannot be read." text={`${text.replace(/\.$/, '')}. \`execmap export -f html\` writes it again.`} />, root)
  })
}
