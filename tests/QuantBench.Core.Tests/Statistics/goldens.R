# Golden values of GoldenValuesTests, from R 4.2.2 (an independent implementation). Run: Rscript goldens.R
# Data: Hollander and Wolfe (1973), p. 69 (R's example of wilcox.test); Student's sleep data (1908); Benjamini and Hochberg (1995), section 3.2;
# the annual flow of the Nile at Aswan 1871-1970 (Cobb 1978), whose level falls after 1898.
options(digits = 17)
x <- c(0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46)
y <- c(1.15, 0.88, 0.90, 0.74, 1.21)
print(wilcox.test(x, y, conf.int = TRUE))
b <- c(10.9, 11.1, 10.8, 11.4, 11.2, 11.3, 10.85, 11.6, 11.5, 10.95, 11.7, 11.8)
a <- c(10.1, 10.4, 9.9, 10.2, 10.6, 10.3, 9.8, 10.0, 10.5, 10.7, 11.0, 9.7)
print(wilcox.test(b, a, conf.int = TRUE))
e1 <- sleep$extra[sleep$group == 1]
e2 <- sleep$extra[sleep$group == 2]
print(t.test(e1, e2)[c("statistic", "parameter", "p.value", "conf.int")])
print(t.test(e1, e2, paired = TRUE)[c("statistic", "parameter", "p.value", "conf.int")])
p <- c(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.000)
print(p.adjust(p, "BH"))
print(p.adjust(p, "holm"))
n <- as.numeric(Nile)
t <- sapply(1:99, function(k) {
  l <- n[1:k]
  r <- n[(k + 1):100]
  s2 <- (sum((l - mean(l))^2) + sum((r - mean(r))^2)) / 98
  abs(mean(l) - mean(r)) / sqrt(s2 * (1 / k + 1 / (100 - k)))
})
print(which.max(t))
print(99 * 2 * pt(-max(t), 98)) # Worsley's Bonferroni bound
print(t.test(n[29:100], n[1:28], var.equal = TRUE)$conf.int)
