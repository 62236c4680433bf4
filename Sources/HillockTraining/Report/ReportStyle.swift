/// The look of reports: light and dark as the reader's system is, and on paper.
enum ReportStyle {
    static let css = """
        :root { --page: #fbfbf9; --card: #ffffff; --ink: #1d2327; --soft: #5d6a70; --rule: #dfe3e1; --a: #2f6f9f; --b: #c8552b; --right: 46, 125, 90; --wrong: 200, 85, 43; }
        @media (prefers-color-scheme: dark) {
          :root { --page: #14181a; --card: #1c2225; --ink: #e6ebea; --soft: #98a5a8; --rule: #333c40; --a: #6fb1df; --b: #f0895c; --right: 86, 178, 134; --wrong: 240, 137, 92; }
        }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
        main { max-width: 1080px; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
        h1 { font-size: 3.2rem; line-height: 1.1; margin: 0.2rem 0 0.6rem; letter-spacing: -0.02em; }
        h1 span { font-size: 1.4rem; font-weight: 500; letter-spacing: 0; color: var(--soft); }
        h2 { font-size: 1.15rem; margin: 0 0 0.8rem; }
        .kicker { margin: 0; color: var(--soft); font-weight: 600; }
        .summary { margin: 0; max-width: 46rem; }
        .note { color: var(--soft); font-size: 0.85rem; margin: 0.6rem 0 0; max-width: 46rem; }
        section { margin-top: 2.8rem; }
        figure { margin: 0; }
        .charts, .columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1.2rem; }
        .charts figure { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 1rem 1rem 0.6rem; }
        .charts figcaption { font-weight: 600; margin-bottom: 0.4rem; }
        .chart { width: 100%; height: auto; display: block; }
        .chart .grid { stroke: var(--rule); stroke-width: 1; }
        .chart text { fill: var(--soft); font-size: 12px; font-family: inherit; }
        .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
        .line.a { stroke: var(--a); } .line.b { stroke: var(--b); } .line.faint { stroke: var(--a); stroke-width: 1; opacity: 0.4; }
        .dot.a { fill: var(--a); } .dot.b { fill: var(--b); } .dot.faint { fill: var(--a); opacity: 0.4; }
        .legend { margin: 0.4rem 0 0; font-size: 0.8rem; color: var(--soft); }
        .key { display: inline-block; width: 1.1em; height: 0; border-top: 3px solid; margin-right: 0.4em; vertical-align: middle; }
        .key.a { border-color: var(--a); } .key.b { border-color: var(--b); } .key.faint { border-color: var(--a); border-top-width: 1px; opacity: 0.6; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-size: 0.9rem; }
        .numbers { width: 100%; }
        .numbers th, .numbers td { padding: 0.35rem 0.7rem; text-align: right; border-bottom: 1px solid var(--rule); }
        .numbers th { color: var(--soft); font-weight: 500; vertical-align: bottom; }
        .confusion { width: 100%; }
        .confusion th, .confusion td { padding: 0; min-width: 3rem; height: 2.3rem; text-align: center; border: 1px solid var(--page); }
        .confusion th { font-weight: 600; padding: 0 0.5rem; }
        .confusion .corner { font-weight: 400; color: var(--soft); font-size: 0.8rem; }
        .confusion .right { background: rgba(var(--right), var(--w)); }
        .confusion .wrong { background: rgba(var(--wrong), var(--w)); }
        .confusion .zero { color: var(--rule); }
        .confusion .sum { color: var(--soft); font-weight: 400; font-size: 0.8rem; padding: 0 0.5rem; white-space: nowrap; }
        .mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.4rem, 1fr)); gap: 1.2rem 1rem; margin-top: 1rem; }
        .mistakes img { width: 100%; aspect-ratio: 1; image-rendering: pixelated; border-radius: 6px; display: block; background: #000; }
        .mistakes figcaption { font-size: 0.85rem; margin-top: 0.35rem; line-height: 1.35; }
        .mistakes .wrong { color: var(--b); }
        .mistakes span { display: block; color: var(--soft); font-size: 0.75rem; }
        .facts th, .facts td { text-align: left; padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; overflow-wrap: anywhere; }
        .facts th { color: var(--soft); font-weight: 500; white-space: nowrap; }
        .facts { width: 100%; }
        @media print {
          :root { --page: #ffffff; --card: #ffffff; --ink: #000000; --soft: #444444; --rule: #cccccc; --a: #1f5f8f; --b: #b8451b; --right: 46, 125, 90; --wrong: 200, 85, 43; }
          html { font-size: 11px; }
          body { font-size: 11px; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
          main { max-width: none; padding: 0; }
          h1 { font-size: 2.2rem; }
          section { margin-top: 1.4rem; }
          .charts { grid-template-columns: 1fr 1fr; }
          .columns { grid-template-columns: 1fr 1fr; }
          .mistakes { grid-template-columns: repeat(8, 1fr); gap: 0.6rem; }
          .charts, .confusion, tr, .mistakes figure { break-inside: avoid; }
          h2, h2 + .note { break-after: avoid; }
          .scroll { overflow: visible; }
          .numbers th, .numbers td, .facts th, .facts td { padding-top: 0.15rem; padding-bottom: 0.15rem; }
          .confusion th, .confusion td { min-width: 0; height: 1.7rem; padding: 0 0.1rem; }
        }
        """
}
