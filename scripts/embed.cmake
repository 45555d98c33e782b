# cmake -DHEADER=H -DNAMES=A;B -DA=a.html -DB=b.js;c.js -DOUT=FILE -P embed.cmake: defines each name that the header
# declares, as the text of its files, one behind the other.
set(definitions "")
foreach(name IN LISTS NAMES)
  string(APPEND definitions "const char* const ${name} =")
  foreach(source IN LISTS ${name})
    file(READ ${source} text)
    # In pieces, as compilers need not take literals of any length.
    string(LENGTH "${text}" rest)
    set(at 0)
    while(at LESS rest)
      string(SUBSTRING "${text}" ${at} 8000 piece)
      string(APPEND definitions "\n    R\"~~~~(${piece})~~~~\"")
      math(EXPR at "${at} + 8000")
    endwhile()
  endforeach()
  string(APPEND definitions ";\n")
endforeach()
file(WRITE ${OUT} "#include \"${HEADER}\"\n\nnamespace sinter {\n\n${definitions}\n}\n")
