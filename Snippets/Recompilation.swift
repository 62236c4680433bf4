// A plan is made for each shape, once. Run it with HILLOCK_LOG=plans.
import Hillock

func ones(_ rows: Int, _ columns: Int) -> Tensor { Tensor([Float](repeating: 1, count: rows * columns), shape: [rows, columns]) }

let weight = ones(64, 64)
for rows in [32, 32, 17, 17, 32] {
    print("\(rows) rows: \(relu(matmul(ones(rows, 64), weight)).sum().item())")
}
