#include <gtest/gtest.h>

#include <functional>
#include <regex>

#include "tests/frontend/evaluate.h"
#include "tests/library/figures.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

using Tensors = std::vector<Tensor>;

struct WindowCase {
  std::string name;                   // of the figures
  std::vector<std::string> operands;  // the arrays that it takes: x, kernel, bias
  std::function<Tensor(const Tensors&)> value;
};

const std::vector<WindowCase> kWindows = {
    {"pad.reflect",
     {"image"},
     [](const Tensors& t) {
       return pad(t[0], {0, 0, 1, 2}, {0, 0, 0, 3}, PadMode::reflect);
     }},
    {"pad.edge",
     {"image"},
     [](const Tensors& t) {
       return pad(t[0], {0, 0, 1, 2}, {0, 0, 0, 9}, PadMode::edge);
     }},
    {"pad.wrap",
     {"image"},
     [](const Tensors& t) {
       return pad(t[0], {0, 0, 1, 2}, {0, 0, 0, 7}, PadMode::wrap);
     }},
    {"conv1.same",
     {"line", "k1", "bias"},
     [](const Tensors& t) {
       return convolution(t[0], t[1], {.padding = Padding::same(), .dilation = {3}, .bias = t[2]});
     }},
    {"conv1.sides",
     {"line", "k1"},
     [](const Tensors& t) {
       return convolution(t[0], t[1], {.stride = {2}, .padding = Padding::sides({0}, {2})});
     }},
    {"conv2.groups",
     {"image", "k2"},
     [](const Tensors& t) {
       return convolution(t[0], t[1], {.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}, .groups = 2});
     }},
    {"conv3",
     {"volume", "k3"},
     [](const Tensors& t) {
       return convolution(t[0], t[1], {.stride = {1, 2, 1}, .padding = {1}});
     }},
    {"transposed1",
     {"line", "t1"},
     [](const Tensors& t) {
       return transposed_convolution(t[0], t[1], {.stride = {2}, .padding = {1}, .output_padding = {1}});
     }},
    {"transposed2",
     {"image", "t2", "bias"},
     [](const Tensors& t) {
       return transposed_convolution(t[0], t[1],
                                     {.stride = {3, 1},
                                      .padding = {2, 0},
                                      .output_padding = {1, 1},
                                      .dilation = {1, 2},
                                      .groups = 2,
                                      .bias = t[2]});
     }},
    {"transposed3",
     {"volume", "t3"},
     [](const Tensors& t) {
       return transposed_convolution(t[0], t[1], {.stride = {1, 2, 2}});
     }},
    {"max1.ceil", {"line"}, [](const Tensors& t) { return max_pool(t[0], {2}, {.ceil_mode = true}); }},
    {"max2",
     {"image"},
     [](const Tensors& t) {
       return max_pool(t[0], {3, 2}, {.stride = {2, 1}, .padding = {1}, .dilation = {1, 3}});
     }},
    {"max3", {"volume"}, [](const Tensors& t) { return max_pool(t[0], {2}, {.ceil_mode = true}); }},
    {"average1",
     {"line"},
     [](const Tensors& t) {
       return average_pool(t[0], {4}, {.stride = {3}, .padding = {2}, .ceil_mode = true});
     }},
    {"average2",
     {"image"},
     [](const Tensors& t) {
       return average_pool(t[0], {3, 2}, {.stride = {2, 1}, .padding = {1, 1}});
     }},
    {"average2.own",
     {"image"},
     [](const Tensors& t) {
       return average_pool(t[0], {3, 2},
                           {.stride = {2}, .padding = {1}, .ceil_mode = true, .count_padding = false});
     }},
    {"average3",
     {"volume"},
     [](const Tensors& t) {
       return average_pool(t[0], {2, 3, 2}, {.stride = {1}, .ceil_mode = true});
     }},
    {"adaptive_max1", {"line"}, [](const Tensors& t) { return adaptive_max_pool(t[0], {4}); }},
    {"adaptive_max2",
     {"image"},
     [](const Tensors& t) {
       return adaptive_max_pool(t[0], {3, 5});
     }},
    {"adaptive_average2",
     {"image"},
     [](const Tensors& t) {
       return adaptive_average_pool(t[0], {4, 3});
     }},
    {"adaptive_average3",
     {"volume"},
     [](const Tensors& t) {
       return adaptive_average_pool(t[0], {2, 4, 7});
     }},
    {"global_max", {"volume"}, [](const Tensors& t) { return global_max_pool(t[0]); }},
    {"global_average", {"volume"}, [](const Tensors& t) { return global_average_pool(t[0]); }},
};

const std::string kOperands[] = {".x", ".kernel", ".bias"};
const std::vector<std::string> kArrays = {"line", "image", "volume", "k1", "k2",
                                          "k3",   "t1",    "t2",     "t3", "bias"};

// One program a device: of each case the value, and the gradients of sum(value * cos(0, 1, ...)).
TEST(Windows, AreThoseOfPyTorch) {
  for (const std::string& device : kDevices) {
    Program program;
    std::vector<Input> inputs;
    for (const std::string& name : kArrays) inputs.push_back({name, f32, figure("windows/" + name).shape()});
    program.add("windows", inputs, [](const Inputs& in) -> Outputs {
      Outputs outputs;
      for (const WindowCase& it : kWindows) {
        Tensors operands;
        for (const std::string& name : it.operands) operands.push_back(in[name]);
        const Tensor value = it.value(operands);
        outputs.push_back({it.name + ".value", value});
        const Tensor weights = reshape(cos(arange(value.size(), f32)), value.shape());
        const Tensors gradients = grad(sum(value * weights), operands);
        for (size_t i = 0; i < operands.size(); ++i)
          outputs.push_back({it.name + kOperands[i], gradients[i]});
      }
      return outputs;
    });
    program.compile({.device = device});
    Arrays arrays;
    for (const std::string& name : kArrays) arrays[name] = figure("windows/" + name);
    const Arrays results = program.run("windows", arrays);
    for (const auto& [name, result] : results) {
      SCOPED_TRACE(name + " on " + device);
      EXPECT_EQ(result.shape(), figure("windows/" + name).shape());
      EXPECT_THAT(floats(result), near_figures("windows/" + name));
    }
  }
}

std::vector<float> pooled(const std::function<Tensor(const Tensor&)>& pool) {
  return evaluate_floats([&] { return pool(reshape(row({-3, 1, -2, 5, 4}), {1, 1, 5})); });
}

// As many windows as the stride leaves, the odd element of padding at the end.
TEST(Windows, OfTheSamePadding) {
  EXPECT_EQ(
      pooled([](const Tensor& x) { return max_pool(x, {2}, {.stride = {1}, .padding = Padding::same()}); }),
      (std::vector<float>{1, 1, 5, 5, 4}));
  EXPECT_EQ(
      pooled([](const Tensor& x) { return max_pool(x, {3}, {.stride = {2}, .padding = Padding::same()}); }),
      (std::vector<float>{1, 5, 5}));
  EXPECT_EQ(pooled([](const Tensor& x) {
              return convolution(x, ones({1, 1, 4}), {.stride = {3}, .padding = Padding::same()});
            }),
            (std::vector<float>{-4, 7}));
}

std::string said_of(const std::function<Tensor()>& body) {
  return std::regex_replace(message_of([&] { evaluate(body); }), std::regex(":[0-9]+\\)"), ")");
}

TEST(Windows, SayWhatDoesNotFit) {
  const auto image = [] { return zeros({1, 2, 4, 5}); };
  EXPECT_EQ(said_of([] {
              return max_pool(zeros({2, 3}), {2});
            }),
            "max_pool: takes x [n,c,spatial...], got f32[2,3] (windows_test.cc)");
  EXPECT_EQ(said_of([&] {
              return average_pool(image(), {2, 2, 2});
            }),
            "average_pool: 'size' has 3 numbers for x f32[1,2,4,5] (windows_test.cc)");
  EXPECT_EQ(
      said_of([&] {
        return max_pool(image(), {2}, {.padding = {0, 2}});
      }),
      "max_pool: padding 2 and 2 is more than half of a window's reach of 2 on axis 3 of x f32[1,2,4,5] "
      "(windows_test.cc)");
  EXPECT_EQ(said_of([&] {
              return adaptive_max_pool(image(), {2, 0});
            }),
            "adaptive_max_pool: 0 windows on axis 3 of x f32[1,2,4,5] (windows_test.cc)");
  EXPECT_EQ(said_of([&] {
              return convolution(image(), zeros({3, 2, 2}));
            }),
            "convolution: kernel f32[3,2,2] does not fit x f32[1,2,4,5] (windows_test.cc)");
  EXPECT_EQ(said_of([&] {
              return transposed_convolution(image(), zeros({3, 2, 2, 2}));
            }),
            "transposed_convolution: kernel f32[3,2,2,2] with 1 groups does not fit x f32[1,2,4,5] "
            "(windows_test.cc)");
  EXPECT_EQ(
      said_of([&] {
        return transposed_convolution(image(), zeros({2, 2, 2, 2}), {.output_padding = {1}});
      }),
      "transposed_convolution: output_padding 1 is not in [0,1), the stride or the dilation on axis 3 of x "
      "f32[1,2,4,5] (windows_test.cc)");
  EXPECT_EQ(said_of([&] {
              return transposed_convolution(image(), zeros({2, 2, 2, 2}), {.padding = Padding::same()});
            }),
            "transposed_convolution: takes padding in numbers, not the same (windows_test.cc)");
  EXPECT_EQ(said_of([&] {
              return pad(image(), {0, 0, 4, 0}, {0, 0, 0, 0}, PadMode::reflect);
            }),
            "pad: 4 and 0 elements on the sides of axis 2 of f32[1,2,4,5] (windows_test.cc)");
  EXPECT_EQ(said_of([&] { return pad(image(), {1}, {1}, PadMode::edge); }),
            "pad: takes 4 numbers for f32[1,2,4,5], got 1 and 1 (windows_test.cc)");
}

}  // namespace
}  // namespace sinter
