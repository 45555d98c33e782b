#pragma once

#include <sinter/export.h>
#include <sinter/tensor.h>

// Draws of classes, inside a program. They are made from the program's random numbers (sources.h), a function
// of seed, step and place: a run can be repeated, and every device draws the same, but where rounding decides
// between two classes.
namespace SINTER_EXPORT sinter {

// Logits [...,classes] with -inf for all classes but some; equals are kept in order of position. The k
// largest; all where k is 0. k is a number, or an integer tensor that broadcasts to [...].
Tensor keep_top_k(Operand logits, Operand k);
// As few of the largest as have a share of p of the probability together, at least one; all where p is 1 or
// more ("nucleus sampling", Holtzman et al., 2020). p is a number, or a tensor that broadcasts to [...].
Tensor keep_top_p(Operand logits, Operand p);

// A class for each row of logits [...,classes], i32 [...], with the probabilities softmax(logits): the
// largest of logits to which Gumbel noise is added. A class of -inf is not drawn; of a row of such alone the
// first is.
Tensor categorical(Operand logits);

// Of weights [...,classes], not negative, `count` classes, i32 [...,count], each with a probability in
// proportion to its weight (PyTorch's multinomial): each of what is left, or of all with `replacement`.
// Without, classes of weight 0 come last.
Tensor multinomial(Operand weights, int64_t count, bool replacement = false);

struct SampleOptions {
  Operand temperature =
      1.0;              // logits are divided by it; 0 takes the most probable class. A number, or a scalar
  Operand top_k = 0;    // as in keep_top_k, after the temperature
  Operand top_p = 1.0;  // as in keep_top_p, of what top_k has left
};
// A class for each row of logits, as `categorical` draws it, i32 [...].
Tensor sample(Operand logits, const SampleOptions& options = {});

}  // namespace sinter
