#pragma once

#include <sinter/sinter.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace sinter {

// A program that threads share, and whose answers can be told to be right whatever they do: "train" adds one
// to each of two counters, which every other call must find equal, besides training a layer.
struct Served {
  static constexpr int64_t kUsual = 4;  // rows

  nn::Module root;
  nn::Linear layer{root, "layer", 3, 3};
  nn::Buffer first{root, "first", {64}}, second{root, "second", {64}};
  AdamW optimizer;
  Dim rows{"rows"};
  Program program;

  explicit Served(const std::string& device) {
    program.add("train", {{"x", f32, {rows, 3}}}, [this](const Inputs& in) -> Outputs {
      first.assign(first + 1);
      second.assign(second + 1);
      return {{"loss", optimizer.minimize(mean(square(layer(in["x"])))).loss},
              {"count", sum(first.read()) / 64}};
    });
    program.add("score", {{"x", f32, {rows, 3}}}, [this](const Inputs& in) -> Outputs {
      return {{"y", layer(in["x"])}, {"torn", sum(abs(first - second))}};
    });
    // For integers all sums are exact.
    program.add("product", {{"x", f32, {rows, 8}}}, [](const Inputs& in) -> Outputs {
      return {{"y", matmul(in["x"], cast(iota({8, 5}, 0) + iota({8, 5}, 1), f32))}};
    });
    program.add("total", {{"x", f32, {rows, 8}}}, [this](const Inputs& in) -> Outputs {
      return {{"y", sum(in["x"]) + sum(first - second)}};
    });
    program.compile({.device = device, .threads = 2, .dims = {{"rows", kUsual}}});
  }

  void train() {
    const Arrays result = program.run("train", {{"x", filled(kUsual, 3, 1)}});
    expect(result.at("count").item<float>() >= 1, "count");
  }
  void score(int64_t count) {
    const Arrays result = program.run("score", {{"x", filled(count, 3, 1)}}, {{"rows", count}});
    expect(result.at("torn").item<float>() == 0, "torn");
    const auto y = result.at("y").values<float>();
    for (size_t i = 3; i < y.size(); ++i) expect(y[i] == y[i % 3], "score");  // equal rows, equal answers
  }
  void product(int64_t count, float value) {
    check_product(program.run("product", {{"x", filled(count, 8, value)}}, {{"rows", count}}).at("y"), value);
  }
  void total(int64_t count, float value) {
    const Arrays result = program.run("total", {{"x", filled(count, 8, value)}}, {{"rows", count}});
    expect(result.at("y").item<float>() == static_cast<float>(8 * count) * value, "total");
  }
  void snapshot() const { check_counters(program.snapshot()); }

  static Array filled(int64_t count, int64_t columns, float value) {
    Array array(f32, {count, columns});
    for (float& element : array.values<float>()) element = value;
    return array;
  }
  // Column j of the table is j, j + 1, .. j + 7, which is 28 + 8 j in all.
  static void check_product(const Array& y, float value) {
    const auto values = y.values<float>();
    for (size_t i = 0; i < values.size(); ++i) {
      expect(values[i] == value * static_cast<float>(28 + 8 * (i % 5)), "product");
    }
  }
  static void check_counters(const Snapshot& snapshot) {
    const Array a = snapshot.states.at("first"), b = snapshot.states.at("second");
    const float count = a.values<float>()[0];
    for (const float value : a.values<float>()) expect(value == count, "snapshot");
    for (const float value : b.values<float>()) expect(value == count, "snapshot");
  }
  static void expect(bool holds, const std::string& what) {
    if (!holds) throw std::logic_error("a wrong answer: " + what);
  }
};

}  // namespace sinter
