/// Connectionist temporal classification: −ln of the probability that a sequence of frames spells a sequence of symbols, whatever symbol
/// ends where (Graves, Fernández, Gomez, Schmidhuber 2006).
///
/// As PyTorch's `ctc_loss`: each sample's loss is divided by the length of its target (at least 1), and the mean is taken.
///
/// - Parameters:
///   - logProbabilities: `[time, batch, symbols]`, such as `logSoftmax` gives.
///   - targets: `[batch, length]`, `i32` or `i64`: symbols other than the blank; what lies behind a target's length is not looked at.
///   - inputLengths: `[batch]`, of the targets' dtype: frames of each sample.
///   - targetLengths: `[batch]`, of the targets' dtype: symbols of each target.
///   - blank: The symbol that stands between symbols.
///   - zeroInfinity: Whether a sample with too few frames for its target counts 0 instead of infinity, and has no gradient.
/// - Returns: a scalar.
public func ctcLoss(
    _ logProbabilities: Tensor, _ targets: Tensor, inputLengths: Tensor, targetLengths: Tensor, blank: Int = 0, zeroInfinity: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
    let location = SourceLocation(file: file, line: line)
    let inputs = [logProbabilities, targets, inputLengths, targetLengths]
    let composite = CTCLoss(blank: blank, zeroInfinity: zeroInfinity)
    do {
        _ = try composite.outputTypes(for: inputs.map(\.type))
    } catch {
        return .failed(error, inputs, at: location, guess: TensorType(logProbabilities.dtype, .scalar))
    }
    let losses = Tensor.composite(composite, inputs, at: location)[0]
    return (losses / maximum(targetLengths.converted(to: losses.dtype), 1)).mean()
}

/// The loss of each sample, whole: the recursion over time is one kernel's work.
///
/// Inputs: log-probabilities `[time, batch, symbols]`, targets `[batch, length]`, input lengths and target lengths `[batch]`; the result is
/// `[batch]`.
public struct CTCLoss: Recurrence {
    /// `ctcLoss`
    public static let name = "ctcLoss"
    /// The symbol that stands between symbols.
    public let blank: Int
    /// Whether what is impossible counts 0 instead of infinity.
    public let zeroInfinity: Bool

    /// The loss with this blank.
    package init(blank: Int, zeroInfinity: Bool) {
        self.blank = blank
        self.zeroInfinity = zeroInfinity
    }

    /// `[batch]`, of the log-probabilities' dtype.
    public func outputTypes(for inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
        let (x, targets) = (inputs[0], inputs[1])
        guard x.dtype.isFloatingPoint, x.shape.rank == 3 else {
            throw ShapeError(Self.name, "log-probabilities are \(x), expected floating [time, batch, symbols]")
        }
        let batch = x.shape[1]
        guard targets.dtype == .int32 || targets.dtype == .int64, targets.shape.rank == 2, targets.shape[0] == batch else {
            throw ShapeError(
                Self.name, "targets are \(targets), log-probabilities \(x) want [\(batch), length] of i32 or i64",
                hint: "pad the targets to one length; their own lengths go into targetLengths")
        }
        for (name, lengths) in [("input lengths", inputs[2]), ("target lengths", inputs[3])]
        where lengths != TensorType(targets.dtype, [batch]) {
            throw ShapeError(Self.name, "\(name) are \(lengths), expected \(TensorType(targets.dtype, [batch]))")
        }
        guard blank >= 0, blank < x.shape[2] else { throw ShapeError(Self.name, "blank is \(blank), expected 0...\(x.shape[2] - 1)") }
        return [TensorType(x.dtype, [batch])]
    }

    /// Log of no probability: finite, so that its gradient is a number; far below any sum of logarithms that can be.
    private static let never = -1e30

    /// The states of each sample's path, what is emitted in them at every step, and whether the sample has that step.
    package func start(_ inputs: [Tensor]) -> RecurrenceStart {
        let x = inputs[0]
        let (time, batch, symbols) = (x.shape[0], x.shape[1], x.shape[2])
        let (states, skips) = states(of: inputs[1].converted(to: .int64), symbols)
        let count = states.shape[1]
        func position(_ axis: Int, _ shape: Shape) -> Tensor { .iota(TensorType(states.dtype, shape), axis: axis) }

        let wide: Shape = [time, batch, count]
        let indices = (position(0, wide) * Double(batch) + position(1, wide)) * Double(symbols) + states.broadcast(to: wide)
        let emissions = maximum(x.reshaped(to: [x.count]).gathered(indices), Self.never)
        let steps = Tensor.iota(TensorType(inputs[2].dtype, [time, batch]), axis: 0)
        // Before the first step the path stands before state 0.
        let nothing = Tensor.full([batch, count], Self.never, dtype: x.dtype)
        let alpha = `where`(position(1, [batch, count]) .== 0, Tensor.zerosLike(nothing), nothing)
        return RecurrenceStart(
            count: time, axis: 0, constants: [skips], sequences: [emissions, steps .< inputs[2].broadcast(to: steps.shape)], state: [alpha])
    }

    /// The forward variables after one more time step (equations 6 to 8), in the log domain.
    package func step(constants: [Tensor], items: [Tensor], state: [Tensor]) -> (outputs: [Tensor], state: [Tensor]) {
        let (alpha, batch, count) = (state[0], state[0].shape[0], state[0].shape[1])
        func nothing(_ columns: Int) -> Tensor { .full([batch, columns], Self.never, dtype: alpha.dtype) }
        func shifted(by steps: Int) -> Tensor {
            concatenate([nothing(Swift.min(steps, count)), alpha[TensorIndex.all, 0..<Swift.max(count - steps, 0)]], axis: 1)
        }
        let next = logSum([alpha, shifted(by: 1), `where`(constants[0], shifted(by: 2), nothing(count))]) + items[0]
        return ([], [`where`(items[1].unsqueezed(axis: 1).broadcast(to: next.shape), next, alpha)])
    }

    /// What the paths that end in the last symbol or the blank behind it add up to.
    package func finish(outputs: [Tensor], state: [Tensor], inputs: [Tensor]) -> [Tensor] {
        let (alpha, targetLengths) = (state[0], inputs[3].converted(to: .int64).unsqueezed(axis: 1))
        let place = Tensor.iota(TensorType(.int64, alpha.shape), axis: 1)
        let isLast = ((place .== targetLengths * 2) .| (place .== targetLengths * 2 - 1))
        let ends = `where`(isLast, alpha, .full(alpha.shape, Self.never, dtype: alpha.dtype))
        let most = ends.max(axes: 1, keepingAxes: true).stoppingGradient()
        let losses = -(most + log(exp(ends - most).sum(axes: 1, keepingAxes: true))).squeezed(axis: 1)
        let isImpossible = losses .> -Self.never / 10
        let zeros = Tensor.zerosLike(losses)
        if zeroInfinity { return [`where`(isImpossible, zeros, losses)] }
        // Times infinity, so that the gradient shows it too.
        return [losses * `where`(isImpossible, zeros + Double.infinity, Tensor.onesLike(losses))]
    }

    /// Blank, first symbol, blank, second symbol, …, blank for each sample, and which may follow the one two before.
    private func states(of targets: Tensor, _ symbols: Int) -> (states: Tensor, skips: Tensor) {
        let (batch, length) = (targets.shape[0], targets.shape[1])
        let blanks = Tensor.full([batch, length + 1], Double(blank), dtype: targets.dtype)
        // What pads targets may be anything.
        let isSymbol = (targets .>= 0) .& (targets .< Double(symbols))
        let safe = `where`(isSymbol, targets, blanks[TensorIndex.all, 0..<length])
        let pairs = stack([blanks[TensorIndex.all, 0..<length], safe], axis: 2).reshaped(to: [batch, 2 * length])
        let states = concatenate([pairs, blanks[TensorIndex.all, 0..<1]], axis: 1)
        let earlier = concatenate([blanks[TensorIndex.all, 0..<1], blanks[TensorIndex.all, 0..<1], states], axis: 1)[
            TensorIndex.all, 0..<(2 * length + 1)]
        return (states, (states .!= Double(blank)) .& (states .!= earlier))
    }

    /// ln Σ eˣ over tensors of one shape.
    private func logSum(_ terms: [Tensor]) -> Tensor {
        let most = terms.dropFirst().reduce(terms[0]) { maximum($0, $1) }.stoppingGradient()
        return most + log(terms.dropFirst().reduce(exp(terms[0] - most)) { $0 + exp($1 - most) })
    }
}
