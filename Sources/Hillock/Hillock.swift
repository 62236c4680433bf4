// `import Hillock` is all that a program needs: tensors, the native engine, networks, optimizers, formats, data and training.
@_exported import HillockCPU
@_exported import HillockCore
@_exported import HillockData
@_exported import HillockFormats
@_exported import HillockNN
@_exported import HillockOptimizers
@_exported import HillockTraining
