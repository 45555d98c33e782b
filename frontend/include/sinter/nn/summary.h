#pragma once

#include <sinter/export.h>
#include <sinter/nn/module.h>
#include <sinter/program.h>

#include <string>

namespace SINTER_EXPORT sinter {
namespace nn {

// A line for each parameter of a model, with the module it belongs to and that one's class, its shape and
// number of elements, and whether it is frozen; below these, sums.
//   words.weight     Embedding  f32[50,64]  3,200
//   classes.weight   Linear     f32[64,5]     320  frozen
//   2 parameters, 3,520 elements, 3,200 of them trainable, 13.8 KiB
std::string summary(const Module& model);

// A line for each module that a function of a program uses, those around it before it: what it gives, the
// elements of the state it reads, and the operations it takes, with those of the modules in it: an addition
// or a product each, also of their gradients where the function has some. The last line is the function's.
//   words    f32[32,10,64]  3,200  0 flop
//   classes  f32[32,10,5]     325  206 kflop
//   predict                 3,525  206 kflop
std::string summary(const Program& program, const std::string& function);

}  // namespace nn
}  // namespace sinter
