#pragma once

#include <sinter/nn/module.h>

#include <string>

namespace sinter::nn {

// A line for each parameter of a model, with the module it belongs to and that one's class, its shape and
// number of elements, and whether it is frozen; below these, sums.
//   words.weight     Embedding  f32[50,64]  3,200
//   classes.weight   Linear     f32[64,5]     320  frozen
//   2 parameters, 3,520 elements, 3,200 of them trainable, 13.8 KiB
std::string summary(const Module& model);

}  // namespace sinter::nn
