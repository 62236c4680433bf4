// `import Hillock`: everything that users need.
@_exported import HillockCPU
@_exported import HillockCore
@_exported import HillockData
@_exported import HillockFormats
@_exported import HillockInspection
@_exported import HillockNN
@_exported import HillockOptimizers
@_exported import HillockPJRT
@_exported import HillockTraining
