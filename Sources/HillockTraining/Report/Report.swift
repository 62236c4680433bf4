import HillockFormats

/// The page that a run ends with: one HTML file that needs nothing else, neither network nor fonts nor scripts.
///
/// A pure function of the record: the same record gives the same bytes.
public struct Report: Sendable {
    /// What is shown.
    public let record: RunRecord

    /// A report of this run.
    public init(_ record: RunRecord) { self.record = record }

    /// The page.
    public var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(escaped(record.title)): \(NumberText.percent(record.testAccuracy))</title>
        <style>
        \(ReportStyle.css)
        </style>
        </head>
        <body>
        <main>
        \(header)
        \(curves)
        \(epochs)
        \(confusion)
        \(mistakes)
        \(facts)
        </main>
        </body>
        </html>

        """
    }
}

// MARK: - Sections

extension Report {
    private var header: String {
        let wrong = record.confusion.total - record.confusion.correct
        return """
            <header>
            <p class="kicker">\(escaped(record.title)) · \(escaped(record.model)) · \(escaped(record.data))</p>
            <h1>\(NumberText.percent(record.testAccuracy)) <span>of the test images are right</span></h1>
            <p class="summary">\(NumberText.grouped(record.confusion.correct)) of \(NumberText.grouped(record.confusion.total)) images, \(NumberText.grouped(wrong)) wrong.
            Trained on \(NumberText.grouped(record.trainCount)) images in \(NumberText.duration(record.seconds)),
            \(record.epochs.count == 1 ? "one epoch" : "\(record.epochs.count) epochs"); \(NumberText.grouped(record.parameterCount)) parameters.</p>
            </header>
            """
    }

    private var curves: String {
        let byEpoch = record.epochs.filter { $0.test["loss"] != nil }
        let losses = record.losses.map { (x: Double($0.step), y: $0.loss) }
        // A few huge losses at the start would flatten all that follows.
        let sorted = losses.map(\.y).filter(\.isFinite).sorted()
        let top = sorted.isEmpty ? nil : sorted[min(sorted.count - 1, sorted.count * 98 / 100)] * 1.1
        let loss = LineChart(
            title: "Loss by step", xLabel: "step",
            series: [
                .init(name: "training, by batch", style: "faint", points: losses),
                .init(
                    name: "training, mean of an epoch", style: "a",
                    points: record.epochs.map { (Double($0.step), $0.training["loss"] ?? .nan) }, dots: true),
                .init(name: "test", style: "b", points: byEpoch.map { (Double($0.step), $0.test["loss"] ?? .nan) }, dots: true),
            ], yText: { NumberText.short($0) }, xText: { NumberText.grouped(Int($0.rounded())) }, yMinimum: 0, yMaximum: top)
        // The first epochs of a long run would flatten what matters, the last few per cent.
        let settled = record.epochs.dropFirst(record.epochs.count / 5)
        let least = settled.flatMap { [$0.training["accuracy"], $0.test["accuracy"]].compactMap(\.self) }.min() ?? 0
        func accuracies(_ values: (EpochRecord) -> [String: Double]) -> [(x: Double, y: Double)] {
            record.epochs.compactMap { epoch in values(epoch)["accuracy"].map { (Double(epoch.epoch), $0) } }.filter { $0.y >= least }
        }
        let accuracy = LineChart(
            title: "Accuracy by epoch", xLabel: "epoch",
            series: [
                .init(name: "training", style: "a", points: accuracies(\.training), dots: true),
                .init(name: "test", style: "b", points: accuracies(\.test), dots: true),
            ], yText: { "\(NumberText.short(100 * $0)) %" }, xText: { "\(Int($0.rounded()))" }, yMinimum: least, yMaximum: 1)
        return """
            <section>
            <h2>How it learned</h2>
            <div class="charts">
            <figure><figcaption>Loss</figcaption>
            \(loss.markup)</figure>
            <figure><figcaption>Accuracy</figcaption>
            \(accuracy.markup)</figure>
            </div>
            <p class="note">Training values are measured before each update, with dropout and shifted images where the model uses them, so the
            test images can score better.</p>
            </section>
            """
    }

    private var epochs: String {
        let rows = record.epochs.map { epoch in
            "<tr>"
                + [
                    "\(epoch.epoch)", Self.value(epoch.training["loss"], 4),
                    epoch.training["accuracy"].map { NumberText.percent($0) } ?? "–",
                    Self.value(epoch.test["loss"], 4), epoch.test["accuracy"].map { NumberText.percent($0) } ?? "–",
                    NumberText.significant(epoch.learningRate),
                    "\(NumberText.fixed(epoch.trainingSeconds, 1)) s", NumberText.grouped(epoch.samplesPerSecond),
                ].map { "<td>\(escaped($0))</td>" }.joined() + "</tr>"
        }
        return """
            <section>
            <h2>Epoch by epoch</h2>
            <div class="scroll"><table class="numbers">
            <thead><tr><th>Epoch</th><th>Training loss</th><th>Training accuracy</th><th>Test loss</th><th>Test accuracy</th>\
            <th>Learning rate at the end</th><th>Time</th><th>Images a second</th></tr></thead>
            <tbody>
            \(rows.joined(separator: "\n"))
            </tbody>
            </table></div>
            </section>
            """
    }

    private static func value(_ number: Double?, _ digits: Int) -> String { number.map { NumberText.fixed($0, digits) } ?? "–" }

    private var confusion: String {
        let matrix = record.confusion
        let names = record.classNames
        let mostWrong =
            matrix.counts.enumerated().flatMap { row in row.element.enumerated().filter { $0.offset != row.offset }.map(\.element) }.max()
            ?? 0
        let head = names.map { "<th scope=\"col\">\(escaped($0))</th>" }.joined()
        let rows = matrix.counts.enumerated().map { actual, row in
            let cells = row.enumerated().map { predicted, count in
                if actual == predicted {
                    let recall = matrix.recall(of: actual) ?? 0
                    return "<td class=\"right\" style=\"--w:\(NumberText.fixed(0.15 + 0.5 * recall, 2))\">\(NumberText.grouped(count))</td>"
                }
                if count == 0 { return "<td class=\"zero\">·</td>" }
                let weight = 0.12 + 0.6 * Double(count) / Double(max(mostWrong, 1))
                let title = "\(NumberText.grouped(count)) × \(names[actual]) taken for \(names[predicted])"
                return
                    "<td class=\"wrong\" style=\"--w:\(NumberText.fixed(weight, 2))\" title=\"\(escaped(title))\">\(NumberText.grouped(count))</td>"
            }
            let recall = matrix.recall(of: actual).map { NumberText.percent($0, 1) } ?? "–"
            return "<tr><th scope=\"row\">\(escaped(names[actual]))</th>\(cells.joined())<td class=\"sum\">\(recall)</td></tr>"
        }
        let precision = names.indices.map { "<td class=\"sum\">\(matrix.precision(of: $0).map { NumberText.percent($0, 1) } ?? "–")</td>" }
            .joined()
        return """
            <section>
            <h2>What was taken for what</h2>
            <div class="scroll"><table class="confusion">
            <thead><tr><th class="corner">is ↓ taken for →</th>\(head)<th class="sum">found</th></tr></thead>
            <tbody>
            \(rows.joined(separator: "\n"))
            </tbody>
            <tfoot><tr><th class="sum">right of those</th>\(precision)<td></td></tr></tfoot>
            </table></div>
            <p class="note">“Found”: of the images of a class, the share that was recognised. “Right of those”: of the images taken for a class,
            the share that is of it.</p>
            </section>
            """
    }

    private var mistakes: String {
        let names = record.classNames
        let wrong = record.confusion.total - record.confusion.correct
        guard !record.mistakes.isEmpty else {
            return wrong > 0 ? "" : "<section><h2>Mistakes</h2><p>None: every test image is right.</p></section>"
        }
        let figures = record.mistakes.map { mistake in
            let alt = "Test image \(mistake.index): a \(names[mistake.actual]) taken for a \(names[mistake.predicted])"
            return """
                <figure><img src="data:image/png;base64,\(Base64.encode(mistake.image))" alt="\(escaped(alt))" title="\(escaped(alt))">
                <figcaption><b>\(escaped(names[mistake.actual]))</b> taken for <b class="wrong">\(escaped(names[mistake.predicted]))</b>
                <span>\(NumberText.percent(mistake.confidence, 1)) sure</span><span>right class \(NumberText.percent(mistake.actualProbability, 1))</span></figcaption></figure>
                """
        }
        let which =
            record.mistakes.count < wrong
            ? "The \(record.mistakes.count) surest of \(NumberText.grouped(wrong))." : "All of them, the surest first."
        return """
            <section>
            <h2>The worst mistakes</h2>
            <p class="note">\(which)</p>
            <div class="mistakes">
            \(figures.joined(separator: "\n"))
            </div>
            </section>
            """
    }

    private var facts: String {
        let machine = record.machine
        let memory = Double(machine.memory) / 1_073_741_824
        let run =
            [
                ("Started", NumberText.date(record.started)), ("Time", NumberText.duration(record.seconds)),
                ("Model", "\(record.model), \(NumberText.grouped(record.parameterCount)) parameters"),
            ]
            + [("Waiting for data", "\(NumberText.fixed(record.dataSeconds, 2)) s")]
            + record.settings.map { ($0.name.prefix(1).uppercased() + $0.name.dropFirst(), $0.value) }.filter { $0.0 != "Model" }
        let place = [
            ("Processor", machine.processor), ("Cores", "\(machine.cores)"), ("Memory", "\(NumberText.fixed(memory, 1)) GiB"),
            ("System", machine.system),
            ("Swift", machine.swift), ("Engine", machine.engine), ("Program", "hillock \(record.version)"),
        ]
        func table(_ title: String, _ rows: [(String, String)]) -> String {
            let body = rows.map { "<tr><th scope=\"row\">\(escaped($0.0))</th><td>\(escaped($0.1))</td></tr>" }.joined(separator: "\n")
            return "<div><h2>\(title)</h2><table class=\"facts\">\n\(body)\n</table></div>"
        }
        return "<section class=\"columns\">\n\(table("Settings", run))\n\(table("Machine", place))\n</section>"
    }
}
