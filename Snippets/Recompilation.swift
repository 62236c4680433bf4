// A plan is made for each shape, once. Run it with HILLOCK_LOG=plans.
import Hillock

let weight = Tensor.ones([64, 64])
for rows in [32, 32, 17, 17, 32] {
    let x = Tensor.ones([rows, 64])
    evaluate(weight, x)  // so that both are inputs of what follows
    print("\(rows) rows: \(relu(matmul(x, weight)).sum().item())")
}
