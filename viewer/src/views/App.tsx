import {useEffect, useMemo, useState} from 'preact/hooks'
import {counted} from '../lib/format.ts'
import {nextOrder, orderedFunctions, type FunctionColumn} from '../logic/functions.ts'
import {NARROW} from '../logic/geometry.ts'
import {lanesOf} from '../logic/lanes.ts'
import {mapLines} from '../logic/maplines.ts'
import {mapHeights} from '../logic/maprow.ts'
import {type Model} from '../logic/model.ts'
import {buildRows, fixedRows} from '../logic/rows.ts'
import {foldedRow} from '../logic/panel.ts'
import {mapNote, noticeText} from '../logic/runfacts.ts'
import {treeHeights} from '../logic/treerow.ts'
import {choose, chooseLine, find, foldAll, foldMap, goTo, mapRowOf, pickIteration, rowOf, showView, stepFailure, stepHit, toggleCall, toggleLine, toggleStretch} from '../state/actions.ts'
import {firstState, type AppState} from '../state/app.ts'
import {afterKey, chooseFunction, otherTheme} from '../state/keys.ts'
import type {Store} from '../state/store.ts'
import {CallPanel} from './CallPanel.tsx'
import {copyText} from './copy.ts'
import {Empty} from './Empty.tsx'
import {FunctionsView} from './FunctionsView.tsx'
import {useMedia, useStore} from './hooks.ts'
import {KeysDialog} from './KeysDialog.tsx'
import {LeftOutDialog} from './LeftOutDialog.tsx'
import {MapView} from './MapView.tsx'
import {Panel} from './Panel.tsx'
import {RunPanel} from './RunPanel.tsx'
import {RunStrip} from './RunStrip.tsx'
import {StatusLine} from './StatusLine.tsx'
import {TopBar} from './TopBar.tsx'
import {TreeView} from './TreeView.tsx'
import {ViewBar} from './ViewBar.tsx'

/** The page: puts the views around one state. */
export function App({model, store}: {model: Model, store: Store<AppState>}) {
  const state = useStore(store)
  const narrow = useMedia(`(max-width: ${NARROW}px)`)
  const [copied, setCopied] = useState(-1)
  const act = (change: (state: AppState) => AppState) => store.set(change(store.get()))
  const {view, open, chosen, order} = state

  const isTree = view === 'tree'
  const rows = useMemo(() => (isTree ? buildRows(model, open, treeHeights(narrow)) : fixedRows(0, 0)), [model, open, isTree, narrow])
  const row = useMemo(() => (chosen < 0 ? -1 : rowOf(model, state, rows)), [model, chosen, state.cursor, rows])
  const map = useMemo(() => (view === 'map' ? mapLines(model, state.map, mapHeights(narrow)) : null), [model, view, state.map, narrow])
  const mapRow = useMemo(() => (map === null ? -1 : mapRowOf(state, map)), [map, chosen, state.cursor])
  const functions = useMemo(() => orderedFunctions(model, order), [model, order])
  const lanes = useMemo(() => lanesOf(model), [model])

  const goToCall = (call: number) => act((now) => goTo(model, now, call))
  const hit = (by: 1 | -1) => act((now) => stepHit(model, now, by))
  const onChoose = ({call, stretch}: {call: number, stretch: string}) => {
    if (call < model.tree.length) act((now) => (stretch === '' ? choose(now, call) : {...choose(now, call), cursor: stretch}))
  }
  const onToggle = ({call, stretch}: {call: number, stretch: string}) => act((now) => {
    if (stretch !== '') return toggleStretch(now, stretch)
    return call < model.tree.length && model.tree.below[call]! > 0 ? toggleCall(now, call) : now
  })
  const copyLink = () => {
    void copyText(window.location.href).then((done) => done && setCopied(store.get().chosen))
  }
  const theme = () => act((now) => otherTheme(now, isDark()))

  useEffect(() => {
    if (state.theme === '') document.documentElement.removeAttribute('data-theme')
    else document.documentElement.dataset['theme'] = state.theme
  }, [state.theme])

  useEffect(() => {
    document.getElementById('app')?.classList.toggle('nopanel', !state.panel)
  }, [state.panel])

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey && event.key === 'k') focusFind(event)
      if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return
      const isButton = event.target instanceof HTMLButtonElement && (event.key === 'Enter' || event.key === ' ')
      if (isButton) return
      if (event.key === '/') focusFind(event)
      else if (event.key === 't') theme()
      else if (event.key === 'y') copyLink()
      else {
        const next = afterKey(store.get(), {key: event.key, shift: event.shiftKey}, {model, rows, map, functions})
        if (next === null || (store.get().dialog !== '' && event.key !== 'Escape')) return
        event.preventDefault()
        store.set(next)
      }
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [model, rows, map, functions])

  const notice = useMemo(() => noticeText(model, state.missing), [model, state.missing])
  const isEmpty = model.tree.length === 0
  const close = () => act((now) => ({...now, dialog: ''}))
  const note = view === 'functions' ? `${counted(functions.length, 'function')}, ${counted(model.page.run.calls, 'call')}, sorted by ${ORDER_WORDS[order.column]}` : isEmpty ? '' : mapNote(model, map?.length ?? rows.length)
  return (
    <>
      <TopBar
        page={model.page} query={state.query} onQuery={(query) => act((now) => find(model, now, query))} onHit={hit}
        onFailure={() => act((now) => stepFailure(model, now, 1))} onLeftOut={() => act((now) => ({...now, dialog: 'left'}))}
        onRun={() => act((now) => ({...now, chosen: -1, cursor: '', panel: true, sheet: narrow}))} onTheme={theme} onKeys={() => act((now) => ({...now, dialog: 'keys'}))}
      />
      <ViewBar
        view={view} note={note} hits={state.hits} hit={state.hit} canFold={view !== 'functions' && !isEmpty}
        onView={(name) => act((now) => showView(model, now, name))} onHit={hit} onFold={() => act((now) => (map === null ? foldAll(model, now) : foldMap(now, map)))} onFirst={() => act((now) => ({...now, ...(map === null ? {open: firstState(model).open} : {map: firstState(model).map}), cursor: ''}))}
      />
      {notice !== null && <div class="notice" role="note"><span>{notice.text} {notice.command !== '' && <code>{notice.command}</code>} {notice.after}</span></div>}
      <main class="view" aria-label={view}>
        {isEmpty && view !== 'functions' ? <Empty page={model.page} />
          : map !== null ? (
            <MapView
              model={model} state={state} rows={map} row={mapRow} lanes={lanes} narrow={narrow} onGo={goToCall}
              onChoose={(line) => act((now) => chooseLine(model, now, line))} onToggle={({key, expanded}) => expanded !== null && act((now) => toggleLine(now, key))}
              onPick={(picking, at) => act((now) => pickIteration(now, picking, at))}
            />
          )
          : view === 'tree' ? <TreeView model={model} state={state} rows={rows} row={row} onChoose={onChoose} onToggle={onToggle} />
          : functions.length === 0 ? <Empty page={model.page} />
          : <FunctionsView model={model} state={state} order={order} functions={functions} narrow={narrow} onOrder={(column: FunctionColumn) => act((now) => ({...now, order: nextOrder(now.order, column)}))} onChoose={(called) => act((now) => chooseFunction(model, now, called))} />}
      </main>
      <Panel up={state.sheet} label={chosen < 0 ? 'This run' : 'Chosen call'} onSheet={() => act((now) => ({...now, sheet: !now.sheet}))}>
        {chosen < 0
          ? <RunPanel model={model} onGo={goToCall} onLeftOut={() => act((now) => ({...now, dialog: 'left'}))} />
          : <CallPanel key={chosen} model={model} folded={foldedRow(map?.lines[mapRow])} call={chosen} query={state.hits.query} copied={copied === chosen} onGo={goToCall} onCopy={copyLink} />}
      </Panel>
      <footer class="foot">
        <RunStrip model={model} chosen={chosen} onMoment={goToCall} />
        <StatusLine model={model} chosen={chosen} narrow={narrow} onGo={goToCall} />
      </footer>
      {state.dialog === 'keys' && <KeysDialog onClose={close} />}
      {state.dialog === 'left' && <LeftOutDialog page={model.page} onClose={close} />}
    </>
  )
}

const ORDER_WORDS: Record<FunctionColumn, string> = {
  name: 'name', module: 'module', calls: 'calls', total: 'total time', self: 'self time', mean: 'mean time', spread: 'slowest against mean', slowest: 'slowest call', failed: 'failures',
}

function isDark(): boolean {
  const {theme} = document.documentElement.dataset
  return theme === undefined ? window.matchMedia('(prefers-color-scheme: dark)').matches : theme === 'dark'
}

function focusFind(event: Event): void {
  event.preventDefault()
  const field = document.getElementById('find')
  if (field instanceof HTMLInputElement) {
    field.focus()
    field.select()
  }
}

