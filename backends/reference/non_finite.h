#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "backends/non_finite.h"
#include "backends/reference/frame.h"
#include "backends/reference/kernels.h"

// What a device that executes ops finds for backends::Device::first_non_finite.
namespace sinter::reference {

using backends::Birth;
using backends::NonFiniteResult;

// Follows values through a run of the interpreter. With each goes a tensor of its shape, i32: by element the
// number of the birth that it goes back to, 0 where it is finite; undefined where all are.
//
// An element that is not finite has that of a term which is not. Those are the operands' elements that it is
// computed from: the same element of each for elementwise ops, of a select the one that it chose; those that
// were moved there; the terms of a sum or an extremum. Of several, the one of its own kind counts before
// others, and of these the earliest, what was intended last. A NaN from an infinity is a birth, with a cause.
class NonFinites {
 public:
  using HostTensor = runtime::HostTensor;

  explicit NonFinites(const std::unordered_set<const graph::Op*>& of_gradients)
      : of_gradients_(of_gradients) {}

  // Of what is given to the function: "input 'x'".
  HostTensor given(const HostTensor& value, const std::string& name);
  // Of the results of an op with a kernel, which has run, from its operands'.
  std::vector<HostTensor> follow(const Invocation& invocation, Kernel kernel,
                                 std::span<const HostTensor> operands, const Frame& frame);
  // What the function gives.
  void add_result(const std::string& name, const HostTensor& value, const HostTensor& origins);

  // The result that goes back to the earliest birth which is not intended; to any where all are.
  std::optional<NonFiniteResult> first() const;

 private:
  struct Result {
    std::string name, value, at;
    int32_t birth;
  };

  Birth born(const Invocation& invocation, const Frame& frame) const;
  int32_t add(Birth birth);
  std::vector<int32_t> line_of(int32_t birth) const;

  const std::unordered_set<const graph::Op*>& of_gradients_;
  std::vector<Birth> births_;  // the first has number 1
  std::vector<Result> results_;
};

}  // namespace sinter::reference
