module crossover-testbed-pause

go 1.24.0
