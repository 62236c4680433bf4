/// Whether a function is being differentiated: values computed meanwhile keep the record of how they were computed.
enum GradientScope {
    @TaskLocal static var isActive = false
}
