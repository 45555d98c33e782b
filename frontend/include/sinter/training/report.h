#pragma once

#include <sinter/array.h>
#include <sinter/export.h>

#include <string>
#include <utility>
#include <vector>

// What a report shows besides the program itself: Program::report.
namespace SINTER_EXPORT sinter {

// A measure as training went on.
struct ReportCurve {
  std::string name;             // "loss"
  std::string along = "epoch";  // what the first of each point is
  std::vector<std::pair<double, double>> points = {};
};

// Matrices of one kind as training went on: the weights of attention, a head each, over the words of a
// sentence.
struct ReportHeatMaps {
  struct Moment {
    std::string name;  // "epoch 3"
    Array values;      // f32[maps,rows,columns]
  };

  std::string name;  // "attention"
  std::vector<std::string> rows, columns;
  std::vector<Moment> moments = {};
};

struct ReportOptions {
  std::string title = "";                   // "": the names of the functions
  std::vector<std::string> functions = {};  // {}: all
  std::vector<ReportCurve> curves = {};
  std::vector<ReportHeatMaps> heat_maps = {};
  // What the machine reaches at most in a second, which kernels are held against: 0: as far as the best of
  // them got.
  double peak_flops = 0, peak_bytes = 0;
};

}  // namespace sinter
