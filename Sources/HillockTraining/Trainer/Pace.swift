/// How fast steps follow each other now: an average that forgets with a time constant of about a second, so that neither one slow step nor
/// the making of the first plan misleads for long.
struct Pace {
    private var seconds = 0.0
    private var samples = 0.0

    /// Takes in a step.
    mutating func add(samples count: Int, seconds duration: Double) {
        let keep = max(0, 1 - duration)
        seconds = seconds * keep + duration
        samples = samples * keep + Double(count)
    }

    /// Samples a second; `nil` before the first step.
    var samplesPerSecond: Double? { seconds > 0 ? samples / seconds : nil }
}
