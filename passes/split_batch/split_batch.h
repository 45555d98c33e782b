#pragma once

#include <cstdint>
#include <string>

#include "ir/graph/graph.h"
#include "passes/base/arguments.h"

namespace sinter::passes {

// Makes a function go over its batch in micro-batches: a scan takes one after the other and adds up what the
// function makes of all rows together, sums and gradients, so that memory is that of a micro-batch.
//   needs   the function for the whole batch and, as PART, the same one traced for a micro-batch, with grad
//           ops: what differs in their shapes is how the batch is known
//   leaves  of the two the first, whose results are those of the whole batch
//
//   func @f(%x: f32[8,3])                      func @f(%x: f32[8,3])
//     %0 = reduce_sum %x {axes=[0,1]}            %0 = reshape %x {shape=[2,4,3]}
//     return sum=%0                              %1 = constant {value=0.0}
//   func @p(%x: f32[4,3])                        %2 = scan %1, %0 {body="f.batches0",length=2,...}
//     %0 = reduce_sum %x {axes=[0,1]}            return sum=%2
//     return sum=%0                            func @f.batches0(%sum, %x: f32[4,3]) ...
//
// A value is of rows where its shape differs. What sums, contractions, maxima, minima and scatters make of
// rows and is of no rows itself is made of each micro-batch and put together after the last; what follows
// from it is computed once: a mean is sums and weights added over all micro-batches, and divided once. Where
// it goes back into rows, as the statistics of batch normalisation do, these see what their micro-batch has
// made of it. Random numbers and positions are those of rows of the whole batch. A gradient is that of the
// whole batch's loss: its derivatives for the sums that it is made from are computed first, from as few of
// these as they need, then each micro-batch's gradient with them.
//
// Micro-batches are the leaves of a tree that depends on their number alone: a loop for each of its levels
// adds up the nodes of the level below. With several ranks, the function is the one of a rank, which goes
// over its own micro-batches; what all have come to is added by all_reduce along the same tree, so that every
// number is the one that a single rank makes. Gradients meet in messages of some size, those of what is used
// last first.
//
// Throws GraphError where the two functions differ in more than shapes, or the batch cannot be cut: a fixed
// row of it is taken, say.
struct BatchSplit {
  std::string of;    // the function for the whole batch
  std::string part;  // for a micro-batch
  int64_t parts = 1;
  int64_t rank = 0, ranks = 1;  // of those that share the micro-batches
};
void split_batch(graph::Module& module, const BatchSplit& split);

// The same by arguments: of=FUNCTION, part=FUNCTION, parts=N, and rank=N, ranks=N.
void split_batch(graph::Module& module, const Arguments& arguments);

}  // namespace sinter::passes
