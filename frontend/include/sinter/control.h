#pragma once

#include <sinter/export.h>
#include <sinter/parameters.h>
#include <sinter/tensor.h>

#include <functional>

// Gradients, loops, recomputation and checks.
namespace SINTER_EXPORT sinter {

// d loss / d w for each w; loss is a floating scalar. Gradients are tensors like any other and can be
// differentiated again.
std::vector<Tensor> grad(Operand loss, Operands wrt);
// One for each of the parameters, as the loss reads them: zeros for what it does not read. Throws Error where
// it reads one both before and after an assignment.
std::vector<Tensor> grad(Operand loss, const Parameters& parameters);
Tensor stop_gradient(Operand x);  // x, seen as a constant by grad
// The value of one tensor with the gradient of another, finite one: straight_through(round(x), x).
Tensor straight_through(Operand value, Operand gradient_of);

using TensorFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>& inputs)>;

// fn(inputs), whose inner values are computed again for the gradient instead of being kept. fn may use
// tensors and parameters from around it.
Tensor checkpoint(const std::function<Tensor(const Tensor&)>& fn, Operand input);
std::vector<Tensor> checkpoint(const TensorFunction& fn, Operands inputs);

// gradients(inputs, cotangents): for each floating output of fn comes d loss / d output; for each floating
// input goes d loss / d input.
using GradientFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>& inputs,
                                                           const std::vector<Tensor>& cotangents)>;
// fn(inputs), whose gradient is what `gradients` says. Both use their inputs alone: what they need from
// around them, parameters too, is passed as an input.
std::vector<Tensor> custom_gradient(const TensorFunction& fn, const GradientFunction& gradients,
                                    Operands inputs);

struct ScanStep {
  std::vector<Tensor> carries = {};  // of the types that came in
  std::vector<Tensor> outputs = {};
};
struct ScanOptions {
  int64_t length = -1;   // needed only where there are no inputs
  bool reverse = false;  // from the last step to the first
};
// For t = 0 .. length-1: body(carries, slice t of each input along axis 0). Gives the last carries, and each
// output stacked along a new axis 0. The body may use tensors and parameters from around it.
using ScanBody =
    std::function<ScanStep(const std::vector<Tensor>& carries, const std::vector<Tensor>& inputs)>;
ScanStep scan(Operands carries, Operands inputs, const ScanBody& body, const ScanOptions& options = {});

// The prefixes of several tensors along an axis: element i is combine(combine(x[0], x[1]), ... x[i]), for
// which `combine`, which gets whole slices of all of them, must be associative. It is a tree of combinations,
// whose depth grows with the logarithm of the extent (Blelloch, "Prefix sums and their applications", 1990),
// not a loop.
using Combine =
    std::function<std::vector<Tensor>(const std::vector<Tensor>& earlier, const std::vector<Tensor>& later)>;
std::vector<Tensor> associative_scan(Operands x, int64_t axis, const Combine& combine, bool reverse = false);

// x itself. Where an element is not finite the call fails and names `what`; state is then as before.
Tensor check_finite(Operand x, const std::string& what);
// x itself; the call fails unless 0 <= x < bound.
Tensor check_index(Operand x, int64_t bound);

}  // namespace sinter
