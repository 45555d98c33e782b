#pragma once

#include <gmock/gmock.h>
#include <sinter/sinter.h>

#include <string>
#include <vector>

namespace sinter {

// An array of figures.safetensors, which make_figures.py makes; "windows/x" is x of windows.safetensors, by
// make_windows.py.
Array figure(const std::string& name);
std::vector<float> figures(const std::string& name);
Tensor given(const std::string& name);  // as a constant of the function being traced

// Each is near, to `rounding` of the largest, or of `least` where that is less.
testing::Matcher<std::vector<float>> near_figures(const std::string& name, float rounding = 4e-6f,
                                                  float least = 0);

// The devices that figures are compared on.
inline const std::vector<std::string> kDevices = {"reference", "cpu", "vulkan"};

}  // namespace sinter
