#pragma once

#include <sinter/sinter.h>

#include <functional>
#include <string>
#include <vector>

#include "ir/loop/program.h"

namespace sinter::test {

// An attention written in the DSL. Inputs called `lengths` are drawn from 0 .. most_length.
struct Form {
  std::string name;
  std::vector<Input> inputs;
  std::function<Tensor(const sinter::Inputs&)> body;
  std::vector<std::string> wrt = {"q", "k", "v"};  // inputs to differentiate for
  double scale = 1;                                // of floating inputs
  int most_length = 0;
  std::vector<int64_t> integers = {};  // what integer inputs hold, over and over, instead of lengths
  bool training = false;
  bool interpreted = false;        // run the loops in the interpreter too
  std::vector<int> threads = {2};  // with each of so many, on the CPU, the bits are the same
};

// What a form becomes on a device, without its gradients or with them; values are those of outputs `y` and
// `d_NAME`, checked against the unfused answer of the reference.
struct Outcome {
  loop::Program program;
  std::string anchors;  // of its kernels in order: "attention attention_backward"
  int64_t largest = 0;  // elements of a piece of the arena, or of a constant
};
Outcome check(const Form& form, bool gradients, const char* device = "cpu");

}  // namespace sinter::test
