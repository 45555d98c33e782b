#pragma once

#include <vector>

#include "ir/loop/program.h"

namespace sinter::vulkan {

// The kernel in as many as there are shaders to be made, each with some of its parts: such as have as many
// lanes and the same shared memory, as far as a driver compiles them soon. Shaders are compiled side by side,
// 0.05 ms an operation on an H200's driver, so that all wait for the largest. Dispatches of a launch have no
// barrier in between: one more costs a GPU 0.2 us.
std::vector<loop::Kernel> in_shaders(const loop::Kernel& kernel);

}  // namespace sinter::vulkan
